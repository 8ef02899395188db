import type { ProxyView } from "../../../../model/index.ts";
import type { Side } from "../side.ts";

/**
 * What objects of Istio's kinds say to one of our filters, in the format of its configuration; undefined where none holds for the proxy. One file for each filter that has a kind.
 *
 * @param port 0: any that no plugin speaks of
 */
export type FilterSettings = (view: ProxyView, side: Side, port: number) => Configuration | undefined;

export type Configuration = Readonly<Record<string, unknown>>;
