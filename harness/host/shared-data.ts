import { Status } from "./abi/enums.ts";

export interface SharedValue {
  readonly value: Uint8Array;
  /** Changes with every write; 0 never. */
  readonly cas: number;
}

/** Key and value pairs that all VMs of one `vm_id` share. They survive traps and end with the last VM of that id. */
export class SharedData {
  private readonly byVmId = new Map<string, Map<string, SharedValue>>();
  private lastCas = 0;

  get(vmId: string, key: string): SharedValue | undefined {
    return this.byVmId.get(vmId)?.get(key);
  }

  /** `cas` 0 overwrites. Any other is compared, except that a missing key is created whatever it is (`SharedData::set`). */
  set(vmId: string, key: string, value: Uint8Array, cas: number): number {
    let values = this.byVmId.get(vmId);
    if (values === undefined) this.byVmId.set(vmId, (values = new Map<string, SharedValue>()));
    const old = values.get(key);
    if (old !== undefined && cas !== 0 && cas !== old.cas) return Status.CasMismatch;
    this.lastCas = (this.lastCas + 1) >>> 0 || 1;
    values.set(key, { value, cas: this.lastCas });
    return Status.Ok;
  }

  deleteVmId(vmId: string): void {
    this.byVmId.delete(vmId);
  }
}
