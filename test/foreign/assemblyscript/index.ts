// A filter on `proxy-wasm-sdk-as`: the header job by default, and with the configuration `areas` more of the ABI (see ../README.md).

export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
import { Context, registerRootContext, RootContext, Counter, set_tick_period_milliseconds, set_shared_data } from "@gcoredev/proxy-wasm-sdk-as/assembly";
import { Areas } from "./areas";
import { HeaderJob } from "./header-job";

class Root extends RootContext {
  private areas: bool = false;
  private ticks: u32 = 0;
  private requests: Counter | null = null;

  onConfigure(size: u32): bool {
    super.onConfigure(size);
    const configuration = this.getConfiguration();
    if (configuration == "") return true;
    if (configuration != "areas") return false;
    this.areas = true;
    this.requests = new Counter("foreign.requests");
    set_tick_period_milliseconds(20);
    return true;
  }

  onTick(): void {
    this.ticks++;
    set_shared_data("ticks", String.UTF8.encode(this.ticks.toString()));
  }

  createContext(id: u32): Context {
    const requests = this.requests;
    return this.areas && requests ? new Areas(id, this, requests) : new HeaderJob(id, this);
  }
}

registerRootContext((id: u32) => new Root(id), "");
