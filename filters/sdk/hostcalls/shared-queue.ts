import { Bytes } from "../../lib/bytes";
import { Status } from "../abi/enums";
import {
  proxy_dequeue_shared_queue,
  proxy_enqueue_shared_queue,
  proxy_register_shared_queue,
  proxy_resolve_shared_queue,
} from "../abi/hostcalls";
import { RESULT, resultPointer, resultSize, resultU32 } from "../abi/results";

/** A queue between VMs. All its events go to the VM that registered it last, as `Root.onQueueReady`. */
@final
export class SharedQueue {
  private constructor(
    /** What `onQueueReady` names. */
    readonly id: u32,
  ) {}

  /** Makes the queue of this VM's id, or takes it over. `null` where the host refuses. */
  static register(name: Bytes): SharedQueue | null {
    return proxy_register_shared_queue(name.pointer, <usize>name.length, RESULT) == 0 ? new SharedQueue(resultU32()) : null;
  }

  /** A queue that some VM of `vmId` registered before; `null` where none did. */
  static resolve(vmId: Bytes, name: Bytes): SharedQueue | null {
    const status = proxy_resolve_shared_queue(vmId.pointer, <usize>vmId.length, name.pointer, <usize>name.length, RESULT);
    return status == 0 ? new SharedQueue(resultU32()) : null;
  }

  enqueue(value: Bytes): Status {
    return proxy_enqueue_shared_queue(this.id, value.pointer, <usize>value.length);
  }

  /** The oldest value, or `null` where the queue is empty. */
  dequeue(): Bytes | null {
    if (proxy_dequeue_shared_queue(this.id, RESULT, RESULT + 4) != 0) return null;
    return Bytes.view(resultPointer(), resultSize());
  }
}
