package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	fluxstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxcel "github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// answer is what each tool says of one object.
type answer struct {
	// Kstatus is what sigs.k8s.io/cli-utils says.
	Kstatus string `json:"kstatus"`
	// Flux is what a Kustomization waits for: by its expressions, else by Flux's own kstatus.
	Flux string `json:"flux"`
	// FluxPlain is Flux's own kstatus, where the Kustomization has no expressions.
	FluxPlain string `json:"fluxPlain"`
	// Argo is Argo CD's health; empty where it has none for the kind.
	Argo    string `json:"argo"`
	Message string `json:"message"`
}

func judge(ctx context.Context, kustomization, argoCM string, in io.Reader, out io.Writer) error {
	evaluators, err := fluxEvaluators(kustomization)
	if err != nil {
		return err
	}
	scripts, err := argoScripts(argoCM)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(lines.Bytes()); err != nil {
			return fmt.Errorf("not an object: %w", err)
		}
		said, err := about(ctx, obj, evaluators, scripts)
		if err != nil {
			return err
		}
		if err := encoder.Encode(said); err != nil {
			return err
		}
	}
	return lines.Err()
}

func about(
	ctx context.Context,
	obj *unstructured.Unstructured,
	evaluators map[schema.GroupKind]*fluxcel.StatusEvaluator,
	scripts map[string]string,
) (answer, error) {
	plain, err := status.Compute(obj)
	if err != nil {
		return answer{}, err
	}
	flux, err := fluxstatus.Compute(obj)
	if err != nil {
		return answer{}, err
	}
	said := answer{Kstatus: plain.Status.String(), FluxPlain: flux.Status.String()}
	said.Flux = said.FluxPlain
	kind := obj.GroupVersionKind().GroupKind()
	if evaluator, ok := evaluators[kind]; ok {
		// What can't be evaluated is Unknown, as in the status reader of cli-utils, and waited for.
		said.Flux = fluxstatus.UnknownStatus.String()
		if result, err := evaluator.Evaluate(ctx, obj); err == nil {
			said.Flux = result.Status.String()
		}
	}
	if script, ok := scripts[kind.Group+"_"+kind.Kind]; ok {
		said.Argo, said.Message, err = argoHealth(obj, script)
	}
	return said, err
}

func fluxEvaluators(path string) (map[schema.GroupKind]*fluxcel.StatusEvaluator, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var kustomization kustomizev1.Kustomization
	if err := yaml.UnmarshalStrict(text, &kustomization); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	result := map[schema.GroupKind]*fluxcel.StatusEvaluator{}
	for _, check := range kustomization.Spec.HealthCheckExprs {
		kind := schema.FromAPIVersionAndKind(check.APIVersion, check.Kind).GroupKind()
		result[kind], err = fluxcel.NewStatusEvaluator(&check.HealthCheckExpressions)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, kind, err)
		}
	}
	return result, nil
}
