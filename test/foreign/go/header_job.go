package main

import (
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// headerJob is that of the benchmark, as the SDK's documentation would have one write it.
type headerJob struct {
	types.DefaultHttpContext
}

func (*headerJob) OnHttpRequestHeaders(int, bool) types.Action {
	path, _ := proxywasm.GetHttpRequestHeader(":path")
	user, _ := proxywasm.GetHttpRequestHeader("x-user")
	_, _ = proxywasm.GetHttpRequestHeader("authorization")
	if strings.HasPrefix(path, "/api/") {
		route := "stable"
		if strings.HasSuffix(user, "-beta") {
			route = "canary"
		}
		_ = proxywasm.ReplaceHttpRequestHeader("x-route", route)
	}
	return types.ActionContinue
}

func (*headerJob) OnHttpResponseHeaders(int, bool) types.Action {
	_ = proxywasm.AddHttpResponseHeader("x-filter", "1")
	return types.ActionContinue
}
