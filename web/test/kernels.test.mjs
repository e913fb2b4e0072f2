// The tests of the kernels (tests/kernels.rs), compiled for WebAssembly. There they can say nothing: a test that fails stops the module.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const { AEDEN_KERNELS } = process.env;

test('the kernels compute in WebAssembly what plain Rust computes', (t) => {
  if (!AEDEN_KERNELS) return t.skip('Debian has no test harness for WebAssembly: rustup target add wasm32-unknown-unknown');
  const module = new WebAssembly.Module(readFileSync(AEDEN_KERNELS));
  assert.deepEqual(WebAssembly.Module.imports(module), []);
  assert.equal(new WebAssembly.Instance(module, {}).exports.main(0, 0), 0);
});
