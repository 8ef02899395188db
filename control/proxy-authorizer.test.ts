import { expect, test } from "vitest";
import { type ClientIdentifier, IdentityError } from "./identity/index.ts";
import { type Proxy, readProxy } from "./model/index.ts";
import { ProxyAuthorizer } from "./proxy-authorizer.ts";
import type { StreamStatus } from "./xds/server/index.ts";

const REVIEWS = { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" };
const ENDS = 1_000_000;

/** As grpc-js has it; a client's certificate stands for the account that it names. */
const over = (account?: string) => ({
  transportSecurityType: "ssl",
  ...(account !== undefined && { sslPeerCertificate: { raw: Buffer.from(account) } }),
});

const identify: ClientIdentifier = async ([leaf]) => {
  if (leaf === undefined) throw new IdentityError("no-proof", "the client shows no certificate");
  return { identity: { ...REVIEWS, serviceAccount: Buffer.from(leaf).toString() }, serialNumber: "1", notAfter: ENDS };
};

function proxy(account: string): Proxy {
  const read = readProxy({ id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local", metadata: { SERVICE_ACCOUNT: account } });
  if (typeof read === "string") throw new Error(read);
  return read;
}

test.each([
  ["in plain text", {}, undefined],
  ["with its certificate", over("reviews"), undefined],
  ["with another's certificate", over("ratings"), "PERMISSION_DENIED"],
  ["without one", over(), "UNAUTHENTICATED"],
])("a proxy that comes %s", async (_, credentials, code) => {
  const result = new ProxyAuthorizer({ identify }).authorize(proxy("reviews"), { credentials, peer: "10.0.0.1:1" });
  if (code === undefined) await expect(result).resolves.toBeDefined();
  else await expect(result).rejects.toMatchObject({ code });
});

test("what it may is over when its certificate ends, or is revoked", async () => {
  let now = 0;
  let revoked = false;
  let tell = () => undefined as void;
  const authorizer = new ProxyAuthorizer({
    identify,
    clock: () => now,
    requireNotRevoked: () => {
      if (revoked) throw new IdentityError("revoked", "the identity is revoked");
    },
    onRevoked: (listener) => (tell = listener),
  });
  const { refusal } = await authorizer.authorize(proxy("reviews"), { credentials: over("reviews"), peer: "" });
  expect(refusal?.()).toBeUndefined();
  tell();
  expect(refusal?.(), "somebody else's").toBeUndefined();
  revoked = true;
  tell();
  expect(refusal?.()).toMatchObject({ code: "PERMISSION_DENIED", message: "the identity is revoked" });
  now = ENDS;
  expect(refusal?.()).toMatchObject({ code: "UNAUTHENTICATED", message: expect.stringContaining("expired") as string });
});

test("the status of other identities is seen by nobody over TLS", async () => {
  const authorizer = new ProxyAuthorizer({ identify });
  const statusOf = (account: string | undefined) =>
    ({
      identity: account === undefined ? undefined : { name: `spiffe://cluster.local/ns/default/sa/${account}`, notAfter: ENDS },
    }) as StreamStatus;
  const all = ["reviews", "ratings", undefined];
  const seenBy = async (credentials: object) => {
    const isVisible = await authorizer.visibleTo(credentials);
    return all.filter((account) => isVisible(statusOf(account)));
  };
  expect(await seenBy({})).toEqual(all);
  expect(await seenBy(over("reviews"))).toEqual(["reviews"]);
  await expect(authorizer.visibleTo(over())).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
