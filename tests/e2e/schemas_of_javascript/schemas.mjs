// Prints JSON schemas, one a line: what zod makes of its types, and the tools of an MCP server.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { z } from "zod";

const types = {
  string: () => z.string(), email: () => z.email(), uuid: () => z.uuid(), url: () => z.url(), emoji: () => z.emoji(),
  base64: () => z.base64(), base64url: () => z.base64url(), nanoid: () => z.nanoid(), cuid: () => z.cuid(),
  cuid2: () => z.cuid2(), ulid: () => z.ulid(), ipv4: () => z.ipv4(), ipv6: () => z.ipv6(), cidrv4: () => z.cidrv4(),
  date: () => z.iso.date(), time: () => z.iso.time(), datetime: () => z.iso.datetime(), duration: () => z.iso.duration(),
  jwt: () => z.jwt(), e164: () => z.e164(), hostname: () => z.hostname(), hex: () => z.hex(), guid: () => z.guid(),
  short: () => z.string().min(1).max(10), regex: () => z.string().regex(/^(?!x)[a-z]+\b/u), starts: () => z.string().startsWith("a"),
  ends: () => z.string().endsWith(".md"), includes: () => z.string().includes("/"), trimmed: () => z.string().trim(),
  lower: () => z.string().lowercase(), number: () => z.number(), int: () => z.int(), int32: () => z.int32(),
  uint32: () => z.uint32(), float32: () => z.float32(), float64: () => z.float64(), positive: () => z.number().positive(),
  percent: () => z.number().min(0).max(100), step: () => z.number().multipleOf(0.01), boolean: () => z.boolean(),
  nothing: () => z.null(), any: () => z.any(), unknown: () => z.unknown(), never: () => z.never(),
  literal: () => z.literal("a"), literals: () => z.literal(["a", 1, null]), choice: () => z.enum(["a", "b"]),
  file: () => z.file(), template: () => z.templateLiteral(["v", z.number()]), bigint: () => z.bigint(),
  tuple: () => z.tuple([z.string(), z.number()]), rest: () => z.tuple([z.string()], z.number()),
  union: () => z.union([z.string(), z.number()]), both: () => z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
  apart: () => z.discriminatedUnion("k", [z.object({ k: z.literal("a"), n: z.int() }), z.object({ k: z.literal("b") })]),
  record: () => z.record(z.string(), z.number()), listed: () => z.record(z.enum(["r", "g"]), z.number()),
  partial: () => z.partialRecord(z.enum(["r", "g"]), z.number()), strict: () => z.strictObject({ a: z.string() }),
  loose: () => z.looseObject({ a: z.string() }), rest_of: () => z.object({ a: z.string() }).catchall(z.number()),
  json: () => z.json(), map: () => z.map(z.string(), z.number()), set: () => z.set(z.string()),
};
const wrapped = {
  plain: (t) => t, optional: (t) => t.optional(), nullable: (t) => t.nullable(), array: (t) => z.array(t).min(1).max(5),
  described: (t) => t.describe("What it is"), nested: (t) => z.object({ inner: t, others: z.array(t) }),
};
const print = (from, schema) => console.log(JSON.stringify({ from, schema }));
for (const [name, type] of Object.entries(types))
  for (const [how, wrap] of Object.entries(wrapped))
    for (const io of ["input", "output"]) {
      const schema = z.object({ value: wrap(type()), other: z.string() });
      print(`zod ${name} ${how} ${io}`, z.toJSONSchema(schema, { io, unrepresentable: "any" }));
    }
const Tree = z.object({ name: z.string(), get children() { return z.array(Tree); } });
for (const target of ["draft-4", "draft-7", "draft-2020-12"]) print(`zod tree ${target}`, z.toJSONSchema(Tree, { target }));

const server = { command: "npx", args: ["--no-install", "mcp-server-everything", "stdio"], stderr: "ignore" };
const client = new Client({ name: "caravan", version: "1.0.0" });
await client.connect(new StdioClientTransport(server));
for (const tool of (await client.listTools()).tools) print(`mcp ${tool.name}`, tool.inputSchema);
await client.close();
