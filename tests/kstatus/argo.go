package main

import (
	"fmt"
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const argoHealthKey = "resource.customizations.health."

// argoScripts returns the health checks of an argocd-cm, by GROUP_KIND.
func argoScripts(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var configMap corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &configMap); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	scripts := map[string]string{}
	for key, script := range configMap.Data {
		if kind, ok := strings.CutPrefix(key, argoHealthKey); ok {
			scripts[kind] = script
		}
	}
	return scripts, nil
}

// argoHealth runs a health check as Argo CD's util/lua does: the same interpreter, with the object
// as obj, and without the libraries string, math, io, coroutine and debug.
func argoHealth(obj *unstructured.Unstructured, script string) (string, string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	state.SetGlobal("obj", luaValue(state, obj.Object))
	if err := state.DoString(script); err != nil {
		return "", "", fmt.Errorf("health of %s: %w", obj.GetKind(), err)
	}
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", "", fmt.Errorf("health of %s: the script returns no table", obj.GetKind())
	}
	return lua.LVAsString(health.RawGetString("status")), lua.LVAsString(health.RawGetString("message")), nil
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch it := value.(type) {
	case string:
		return lua.LString(it)
	case bool:
		return lua.LBool(it)
	case int64:
		return lua.LNumber(it)
	case float64:
		return lua.LNumber(it)
	case []any:
		table := state.NewTable()
		for _, item := range it {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range it {
			table.RawSetString(key, luaValue(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
