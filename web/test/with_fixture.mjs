// Runs a command with the fixture behind it (`node test/with_fixture.mjs npm test`), or just serves it.
import { spawn } from "node:child_process";
import { startFixture } from "./fixture.mjs";

const [command, ...args] = process.argv.slice(2);
const fixture = await startFixture({ port: Number(process.env.PORT ?? (command ? 0 : 28080)) });
console.log(`fixture at ${fixture.url}/`);

async function end(code) {
  await fixture.stop();
  process.exit(code);
}

process.on("SIGINT", () => end(0));
process.on("SIGTERM", () => end(0));

if (command) {
  const env = {
    ...process.env,
    HEADWATER_URL: fixture.url,
    HEADWATER_OFF_AIR: `curl -fsS -X POST ${fixture.url}/_/fixture/off`,
    HEADWATER_ON_AIR: `curl -fsS -X POST ${fixture.url}/_/fixture/on`,
  };
  spawn(command, args, { stdio: "inherit", env }).on("exit", (code) => end(code ?? 1));
}
