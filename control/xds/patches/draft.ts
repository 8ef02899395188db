import { type DescMessage, type Message } from "@bufbuild/protobuf";
import { copyOf, messageOf, violation } from "../../envoy-api/reflection/index.ts";
import { formatPath } from "../../model/index.ts";
import type { BoundPatch } from "./bound-patch.ts";
import { noteApplied, noteFailed } from "./outcomes.ts";

/** Says why a patch cannot be applied to what it matches; the rest of the patches are. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

/** A resource while it is patched: each patch as a whole or not at all, and only what leaves it valid. */
export class Draft<T extends Message> {
  message: T;
  /** Whether some patch changed it; else it is the very message that it was. */
  isChanged = false;
  private readonly schema: DescMessage;
  private readonly resource: string;
  private readonly check: (message: T) => string | undefined;
  /** Whether what came of the translation keeps every constraint, once it was asked. */
  private isGood: boolean | undefined;

  /** @param check what Envoy refuses beside the constraints of its API; undefined where it refuses nothing */
  constructor(message: T, resource: string, check: (message: T) => string | undefined = () => undefined) {
    this.message = message;
    this.schema = messageOf(message.$typeName);
    this.resource = resource;
    this.check = check;
  }

  /**
   * Applies a patch.
   *
   * @param change changes the copy that it is given; false where it matches nothing. Throws {@link PatchError} where it cannot
   */
  apply({ patch }: BoundPatch, change: (message: T) => boolean): void {
    const candidate = copyOf(this.schema, this.message);
    try {
      if (!change(candidate)) return;
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      noteFailed(patch, this.resource, error.message);
      return;
    }
    const broken = this.problemOf(candidate);
    if (broken !== undefined && (this.isGood ??= this.problemOf(this.message) === undefined)) {
      noteFailed(patch, this.resource, broken);
      return;
    }
    this.message = candidate;
    this.isChanged = true;
    noteApplied(patch, this.resource);
  }

  private problemOf(message: T): string | undefined {
    const broken = violation(this.schema, message);
    return broken === undefined ? this.check(message) : `${formatPath(broken.path)} ${broken.message}`;
  }
}
