import { getProperty, setProperty } from "../properties.ts";
import { Status } from "./enums.ts";
import { hostcall, type Hostcall } from "./hostcall.ts";

export const propertyCalls: readonly Hostcall[] = [
  hostcall("proxy_get_property", (vm, path, pathSize, valueOut, sizeOut) => {
    if (!vm.inMemory(path, pathSize)) return Status.InvalidMemoryAccess;
    const value = getProperty(vm.context(), vm.readString(path, pathSize));
    return typeof value === "number" ? value : vm.returnString(value, valueOut, sizeOut);
  }),

  hostcall("proxy_set_property", (vm, path, pathSize, value, valueSize) => {
    if (!vm.inMemory(path, pathSize) || !vm.inMemory(value, valueSize)) return Status.InvalidMemoryAccess;
    return setProperty(vm.context(), vm.readString(path, pathSize), vm.readString(value, valueSize));
  }),

  // ABI 0.1.0: the plugin's configuration in on_configure, else the VM's.
  hostcall(
    "proxy_get_configuration",
    (vm, valueOut, sizeOut) => vm.returnBytes(vm.context().pluginConfiguration ?? vm.config.configuration, valueOut, sizeOut),
    ["0.1.0"],
  ),
];
