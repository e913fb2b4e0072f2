// Cleans a stream: raw 32-bit floats, interleaved, from standard input to standard output.
//
//   mcs Clean.cs && ffmpeg -i noisy.wav -f f32le - | mono Clean.exe 48000 2 | ffplay -f f32le -ar 48000 -ac 2 -
//
// The class Denoiser is all that a program needs, under .NET and under Unity too.
using System;
using System.Runtime.InteropServices;
using System.Text;

/// Takes noise out of speech. Dispose it; use it from one thread at a time.
public sealed class Denoiser : IDisposable
{
    public enum Quality : uint { Light = 0, High = 1 }

    // libaeden.so.0 on Linux, aeden.dll on Windows, libaeden.0.dylib on macOS.
    private const string Library = "aeden";

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int aeden_create(uint rate, uint channels, uint quality, uint link, out IntPtr denoiser, byte[] message, UIntPtr size);
    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int aeden_free(IntPtr denoiser);
    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int aeden_process_interleaved_f32(IntPtr denoiser, float[] input, float[] output, UIntPtr frames);
    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern UIntPtr aeden_latency(IntPtr denoiser);
    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int aeden_set_strength(IntPtr denoiser, float decibels);
    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern IntPtr aeden_status_text(int status);

    private IntPtr handle;
    private readonly int channels;

    public Denoiser(int rate, int channels, Quality quality = Quality.High)
    {
        byte[] message = new byte[200];
        int status = aeden_create((uint)rate, (uint)channels, (uint)quality, 0, out handle, message, (UIntPtr)message.Length);
        if (status != 0)
            throw new ArgumentException(Encoding.UTF8.GetString(message).Split('\0')[0]);
        this.channels = channels;
    }

    /// Frames by which the output is later.
    public int Latency { get { return (int)aeden_latency(handle); } }

    /// The most that anything is lowered, in dB; infinity for no limit.
    public float Strength { set { Check(aeden_set_strength(handle, value)); } }

    /// Cleans interleaved samples in place.
    public void Process(float[] samples, int frames)
    {
        if (frames < 0 || (long)frames * channels > samples.Length)
            throw new ArgumentException("fewer samples than frames");
        Check(aeden_process_interleaved_f32(handle, samples, samples, (UIntPtr)frames));
    }

    public void Dispose()
    {
        if (handle != IntPtr.Zero) Check(aeden_free(handle));
        handle = IntPtr.Zero;
    }

    private static void Check(int status)
    {
        if (status != 0) throw new InvalidOperationException(Marshal.PtrToStringAnsi(aeden_status_text(status)));
    }
}

public static class Clean
{
    const int Frames = 512;

    public static int Main(string[] args)
    {
        if (args.Length != 2)
        {
            Console.Error.WriteLine("usage: Clean RATE CHANNELS < noisy.f32 > cleaned.f32");
            return 2;
        }
        int channels = int.Parse(args[1]);
        Denoiser made;
        try { made = new Denoiser(int.Parse(args[0]), channels); }
        catch (ArgumentException problem)
        {
            Console.Error.WriteLine("Clean: " + problem.Message);
            return 1;
        }
        using (Denoiser denoiser = made)
        using (var input = Console.OpenStandardInput())
        using (var output = Console.OpenStandardOutput())
        {
            byte[] bytes = new byte[Frames * channels * 4];
            float[] samples = new float[Frames * channels];
            int late = denoiser.Latency, rest = late;
            while (true)
            {
                int filled = 0, read;
                while (filled < bytes.Length && (read = input.Read(bytes, filled, bytes.Length - filled)) > 0) filled += read;
                int frames = filled / (4 * channels);
                if (frames == 0)
                {
                    // The end: silence pushes out what is still inside.
                    frames = Math.Min(rest, Frames);
                    rest -= frames;
                    Array.Clear(bytes, 0, bytes.Length);
                }
                if (frames == 0) return 0;
                Buffer.BlockCopy(bytes, 0, samples, 0, frames * channels * 4);
                denoiser.Process(samples, frames);
                Buffer.BlockCopy(samples, 0, bytes, 0, frames * channels * 4);
                // The first frames come from before the recording.
                int early = Math.Min(late, frames);
                late -= early;
                output.Write(bytes, early * channels * 4, (frames - early) * channels * 4);
            }
        }
    }
}
