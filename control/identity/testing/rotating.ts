import { Authority, EmbeddedSigner } from "../authority/index.ts";
import { quickRequest } from "./requests.ts";

// Issues and rotates until it is killed; prints each certificate.

const signer = await EmbeddedSigner.open(process.argv[2] ?? "", { name: "cluster.local" });
const authority = new Authority({ signer });
if (signer.rotation.phase === "prepared") signer.switch();
for (;;) {
  if (signer.rotation.phase === "switched") signer.retire(true);
  const { csr } = await quickRequest();
  const { chain } = await authority.sign(csr, { trustDomain: "cluster.local", namespace: "default", serviceAccount: "reviews" });
  process.stdout.write(chain);
  await signer.prepare();
  signer.switch();
}
