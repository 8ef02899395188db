import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminListener } from "../../control/admin/index.ts";
import { ControlService } from "../../control/control-service.ts";
import { MeshIdentity } from "../../control/identity/index.ts";

/** The administration interface of a mesh with an authority, in this process; `folder` is for whatever the test needs. */
export class AdminWithAuthority implements AsyncDisposable {
  readonly folder: string;
  readonly identity: MeshIdentity;
  readonly url: string;
  readonly token = "a-token-that-may-write";
  readonly readToken = "a-token-that-may-read";
  private readonly service: ControlService;
  private readonly admin: AdminListener;

  private constructor(folder: string, service: ControlService, identity: MeshIdentity, admin: AdminListener) {
    this.folder = folder;
    this.service = service;
    this.identity = identity;
    this.admin = admin;
    this.url = `http://127.0.0.1:${admin.port}`;
  }

  static async start(): Promise<AdminWithAuthority> {
    const folder = await mkdtemp(join(tmpdir(), "meshwright-admin-"));
    const service = await ControlService.start({ sources: [] });
    const identity = await MeshIdentity.open({ directory: join(folder, "ca"), trustDomains: () => service.mesh.settings });
    const admin = await AdminListener.start(service, {
      port: 0,
      tokens: ["a-token-that-may-write"],
      readTokens: ["a-token-that-may-read"],
      openReads: true,
      identity,
    });
    return new AdminWithAuthority(folder, service, identity, admin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.admin[Symbol.asyncDispose]();
    this.identity[Symbol.dispose]();
    await this.service[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
