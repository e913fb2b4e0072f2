# Installs, uses and removes the package in a bare Debian. What it works with lies beside it.
set -eu
cd "$(dirname "$0")"
export DEBIAN_FRONTEND=noninteractive
say() { printf -- '- %s\n' "$*"; }

apt-get -qq install --yes --no-install-recommends ./aeden.deb >install.log 2>&1 || { cat install.log; exit 1; }
changed=$(dpkg --verify aeden)
[ -z "$changed" ] || { say "changed: $changed"; exit 1; }
dpkg -L aeden >files
say "installed: $(wc -l <files) files and folders, $(dpkg-query -W -f '${Installed-Size}' aeden) KiB"

aeden clean noisy.wav cleaned.wav --quiet
[ -s cleaned.wav ]
aeden models >models
grep -q high models
say "program: $(aeden --version) cleans"

if grep -qx /usr/bin/aeden-standalone files; then
    aeden-standalone --version >window
    grep -q '^aeden-standalone' window
    if aeden-standalone >window 2>&1; then say 'a window without a screen?'; exit 1; fi
    grep -q '^aeden-standalone: ' window
    grep -qx 'Exec=aeden-standalone' /usr/share/applications/aeden.desktop
    [ -s /usr/share/icons/hicolor/scalable/apps/aeden.svg ]
    say 'program with a window: starts, says that there is no screen, and is in the menus'
fi

for page in /usr/share/man/man1/aeden*.1.gz; do gzip -t "$page"; done
bash -n /usr/share/bash-completion/completions/aeden
grep -q '^#compdef aeden' /usr/share/zsh/vendor-completions/_aeden
grep -q 'complete -c aeden' /usr/share/fish/vendor_completions.d/aeden.fish
grep -qx 'ExecStart=/usr/bin/aeden live --virtual-mic' /usr/lib/systemd/user/aeden-live.service
gzip -dc /usr/share/doc/aeden/THIRD-PARTY.gz | grep -q '^rustfft '
say 'pages, completions, service, licences: there'

gcc clean.c $(pkg-config --cflags --libs aeden) -lm -o clean
gcc clean.c $(pkg-config --cflags aeden) "$(pkg-config --variable=libdir aeden)/libaeden.a" -lm -lpthread -ldl -o clean-static
head -c 768000 noisy.wav >noise
./clean 48000 1 <noise >shared
./clean-static 48000 1 <noise >static
[ -s shared ]
cmp shared static
say 'C library: a program of gcc gives the same with the shared and the static one'

names=$(dirname "$(grep '/aeden/librnnoise.so$' files)")
gcc program.c -I/usr/include/aeden -L"$names" -lrnnoise -lm -o program
LD_LIBRARY_PATH=$names ./program create <noise >voice
[ -s voice ]
say 'RNNoise: a program that is linked with librnnoise runs on ours'

LADSPA_PATH=/usr/lib/ladspa applyplugin noisy.wav ladspa.wav aeden.so aeden_mono 60 1 0 0 0 >apply.log 2>&1 || { cat apply.log; exit 1; }
[ -s ladspa.wav ]
lv2ls >list
grep -q '/aeden/lv2/aeden_stereo$' list
for file in $(grep 'share/aeden/pipewire/.*conf$' files); do
    plugin=$(sed -n 's/.*plugin = "\(.*\)" label.*/\1/p' "$file")
    [ -e "$plugin" ]
done
gcc load.c -ldl -o load
./load /usr/lib/clap/aeden.clap clap_entry
./load "$(grep '/vst3/.*[.]so$' files)" GetPluginFactory
say 'plugins: LADSPA cleans, LV2 is found, VST3 and CLAP are loaded'

apt-get -qq remove --yes aeden >remove.log 2>&1 || { cat remove.log; exit 1; }
while read -r file; do
    if [ -e "$file" ] && [ ! -d "$file" ]; then say "left over: $file"; exit 1; fi
done <files
left=$(find /usr /etc -iname '*aeden*')
[ -z "$left" ] || { say "left over: $left"; exit 1; }
say 'removed: nothing is left'
