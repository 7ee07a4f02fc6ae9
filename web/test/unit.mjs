// Runs the unit tests that sit beside the page's code: `src/**/*.test.ts`.
import { spawn } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = join(root, "test/out/unit");
const tests = (await readdir(join(root, "src"), { recursive: true })).filter((file) => file.endsWith(".test.ts"));
if (tests.length === 0) throw new Error("no unit tests under src/");

await rm(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: tests.map((file) => `src/${file}`),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  metafile: true,
});
const files = Object.keys(metafile.outputs).map((file) => join(root, file));
spawn(process.execPath, ["--test", ...files], { stdio: "inherit" }).on("exit", (code) => process.exit(code ?? 1));
