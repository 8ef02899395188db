// A filter on proxy-wasm-go-sdk: the header job by default, and with the configuration "areas" more of the ABI (see ../README.md).
package main

import (
	"strconv"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetPluginContext(func(uint32) types.PluginContext { return &plugin{} })
}

type plugin struct {
	types.DefaultPluginContext
	areas    bool
	ticks    int
	requests proxywasm.MetricCounter
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	if size == 0 {
		return types.OnPluginStartStatusOK
	}
	configuration, err := proxywasm.GetPluginConfiguration()
	if err != nil || string(configuration) != "areas" {
		return types.OnPluginStartStatusFailed
	}
	p.areas = true
	p.requests = proxywasm.DefineCounterMetric("foreign.requests")
	if proxywasm.SetTickPeriodMilliSeconds(20) != nil {
		return types.OnPluginStartStatusFailed
	}
	return types.OnPluginStartStatusOK
}

func (p *plugin) OnTick() {
	p.ticks++
	_ = proxywasm.SetSharedData("ticks", []byte(strconv.Itoa(p.ticks)), 0)
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext {
	if p.areas {
		return &areas{requests: p.requests}
	}
	return &headerJob{}
}
