// Builds `dist/`: two pages, and every file they use under `assets/` with its content's hash in the name, so that
// assets may be cached for ever and pages never.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, "dist");
const assetsUrl = "/_/assets/";

await rm(dist, { recursive: true, force: true });

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["watch.ts", "channels.ts", "style/watch.css", "style/channels.css", "favicon.svg"].map((file) => `src/${file}`),
  entryNames: "[name]-[hash]",
  outdir: "dist/assets",
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: ["chrome107", "firefox104", "safari16"],
  loader: { ".svg": "copy" },
  legalComments: "eof",
});

const urls = new Map();
for (const [output, { entryPoint }] of Object.entries(metafile.outputs)) {
  if (entryPoint) urls.set(entryPoint.replace(/^src\//, ""), assetsUrl + basename(output));
}

await mkdir(dist, { recursive: true });
for (const page of ["watch.html", "index.html"]) {
  const source = await readFile(join(root, "src", page), "utf8");
  const html = source.replace(/\{\{(.+?)\}\}/g, (_, name) => {
    const url = urls.get(name);
    if (!url) throw new Error(`src/${page} names {{${name}}}, which the build did not make`);
    return url;
  });
  await writeFile(join(dist, page), html);
}

for (const [output, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${output}  ${(bytes / 1024).toFixed(1)} KiB`);
}
