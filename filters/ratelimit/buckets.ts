import { BUCKET_SIZE, BUCKETS_PER_PAGE, BucketTable, pageCount, pageOf } from "../lib/token-bucket";
import { Bytes, getSharedData, setSharedData, Status, Text } from "../sdk";
import { Taking } from "./taking";

/** Of no value in shared data: Envoy creates a missing key under it, and compares it where another worker was quicker. 0 would overwrite. */
const NEW: u32 = u32.MAX_VALUE;

/** Where the buckets of one limit are. There is a bounded number of them, in pages. */
export abstract class Buckets {
  /** `isShared`: whether all workers have the same. */
  constructor(readonly isShared: bool) {}

  /** Finds the page of the taking's key, and on it the bucket or the place for it. */
  abstract load(taking: Taking): void;

  /** Writes the taking's bucket. `CasMismatch`: another worker wrote since {@link load}. */
  abstract save(taking: Taking): Status;
}

/** Of this worker alone, in its memory. */
@final
export class WorkerBuckets extends Buckets {
  private readonly table: BucketTable;

  constructor(buckets: i32) {
    super(false);
    this.table = new BucketTable(buckets);
  }

  load(taking: Taking): void {
    taking.place(this.table.pageOf(taking.key), this.table.width, this.table.width);
  }

  save(taking: Taking): Status {
    taking.write();
    return Status.Ok;
  }
}

/**
 * Of all workers, in Envoy's shared data: a page is one value. Shared data cannot be deleted nor listed, so that there are keys for a fixed number of pages only,
 * and a page grows from its first bucket to its eighth.
 */
@final
export class SharedBuckets extends Buckets {
  private readonly pages: i32;
  /** Buckets of a page at most. */
  private readonly width: i32;
  /** `ratelimit/PLUGIN/LIMIT/` and four bytes for the number of the page. */
  private readonly dataKey: Text;

  constructor(buckets: i32, plugin: Text, limit: Text) {
    super(true);
    this.pages = pageCount(buckets);
    this.width = min(buckets, BUCKETS_PER_PAGE);
    this.dataKey = Text.of("ratelimit/" + plugin.toString() + "/" + limit.toString() + "/    ");
  }

  load(taking: Taking): void {
    const found = getSharedData(this.keyOf(taking));
    if (found == null) {
      taking.cas = NEW;
      taking.place(0, 0, this.width);
      return;
    }
    taking.cas = found.cas;
    const page = found.bytes;
    taking.place(page.pointer, min(page.length / <i32>BUCKET_SIZE, this.width), this.width);
  }

  save(taking: Taking): Status {
    taking.write();
    return setSharedData(this.keyOf(taking), Bytes.view(taking.page, taking.count * <i32>BUCKET_SIZE), taking.cas);
  }

  private keyOf(taking: Taking): Bytes {
    const key = this.dataKey.bytes;
    store<i32>(key.pointer + <usize>key.length - 4, pageOf(taking.key, this.pages));
    return key;
  }
}
