// Runs a program that cargo built for WebAssembly, as cargo's `runner`: node --no-warnings tools/wasm/run.mjs PROGRAM ARGUMENTS
//
// For wasm32-wasip1 it has arguments, files and an output. For wasm32-unknown-unknown it has none of these: it is mute, and a
// test that fails is a trap.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [path, ...args] = process.argv.slice(2);
const module = await WebAssembly.compile(await readFile(path));
if (WebAssembly.Module.imports(module).length > 0) {
    const wasi = new WASI({ version: 'preview1', args: [path, ...args], env: process.env, preopens: { '/': '/' } });
    process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
} else {
    const started = performance.now();
    const { exports } = await WebAssembly.instantiate(module);
    process.exitCode = exports.main(0, 0);
    console.log(`${path}: no trap in ${Math.round(performance.now() - started)} ms`);
}
