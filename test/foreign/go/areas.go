package main

import (
	"bytes"
	"strconv"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// areas is what a stream does with bodies, callouts, shared data, metrics and properties.
type areas struct {
	types.DefaultHttpContext
	requests proxywasm.MetricCounter
}

func (a *areas) OnHttpRequestHeaders(int, bool) types.Action {
	a.requests.Increment(1)
	_ = proxywasm.ReplaceHttpRequestHeader("x-count", strconv.Itoa(count()))
	name, _ := proxywasm.GetProperty([]string{"plugin_name"})
	_ = proxywasm.ReplaceHttpRequestHeader("x-plugin", string(name))
	ticked := "no"
	if _, _, err := proxywasm.GetSharedData("ticks"); err == nil {
		ticked = "yes"
	}
	_ = proxywasm.ReplaceHttpRequestHeader("x-ticked", ticked)
	if _, err := proxywasm.GetHttpRequestHeader("x-deny"); err == nil {
		_ = proxywasm.SendHttpResponse(403, [][2]string{{"x-denied", "foreign"}}, []byte("denied\n"), -1)
		return types.ActionPause
	}
	if _, err := proxywasm.GetHttpRequestHeader("x-callout"); err != nil {
		return types.ActionContinue
	}
	headers := [][2]string{{":method", "GET"}, {":path", "/check"}, {":authority", "callout"}}
	if _, err := proxywasm.DispatchHttpCall("callout", headers, nil, nil, 5000, answered); err != nil {
		return types.ActionContinue
	}
	return types.ActionPause
}

func answered(_, size, _ int) {
	headers, _ := proxywasm.GetHttpCallResponseHeaders()
	for _, header := range headers {
		if header[0] == ":status" {
			_ = proxywasm.ReplaceHttpRequestHeader("x-callout-status", header[1])
		}
	}
	body, _ := proxywasm.GetHttpCallResponseBody(0, size)
	_ = proxywasm.ReplaceHttpRequestHeader("x-callout-body", string(body))
	_ = proxywasm.ResumeHttpRequest()
}

func (*areas) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	if !endOfStream {
		return types.ActionPause
	}
	body, err := proxywasm.GetHttpRequestBody(0, size)
	if err == nil {
		_ = proxywasm.ReplaceHttpRequestBody(bytes.ToUpper(body))
	}
	return types.ActionContinue
}

func (*areas) OnHttpResponseHeaders(int, bool) types.Action {
	_ = proxywasm.AddHttpResponseHeader("x-filter", "foreign")
	return types.ActionContinue
}

func (*areas) OnHttpStreamDone() {
	proxywasm.LogInfo("foreign: a stream ended")
}

// count adds one under "count" and returns the new value.
func count() int {
	for {
		value, cas, _ := proxywasm.GetSharedData("count")
		next, _ := strconv.Atoi(string(value))
		next++
		if proxywasm.SetSharedData("count", []byte(strconv.Itoa(next)), cas) == nil {
			return next
		}
	}
}
