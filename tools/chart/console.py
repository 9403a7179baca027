"""The console's templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml
from tools.chart.sources import MANIFESTS, documents, objects
from tools.chart.text import NAMESPACE, Object, dump, hole, listed, optional, when

CONSOLE = MANIFESTS / "console"
IMPERSONATION = CONSOLE / "impersonation"
ENABLED = ".Values.console.enabled"
PEOPLE = "or .Values.console.impersonation.users .Values.console.impersonation.groups"


def console() -> Iterator[tuple[str, str]]:
    """Yield the console's objects, by file; all of them only where it is enabled."""
    shapes = {
        "ConfigMap": _settings,
        "Deployment": _deployment,
        "NetworkPolicy": _network_policy,
    }
    conditions = {"network-policy.yaml": f"and {ENABLED} .Values.networkPolicy.enabled"}
    for name, obj in objects(CONSOLE):
        obj["metadata"]["namespace"] = NAMESPACE
        text = dump(shapes.get(obj["kind"], _same)(obj))
        yield name, when(conditions.get(name, ENABLED), text)
    for obj in documents(IMPERSONATION / "role.yaml"):
        yield "impersonation.yaml", when(f"and {ENABLED} ({PEOPLE})", dump(_impersonation(obj)))


def _same(obj: Object) -> Object:
    return obj


def _settings(obj: Object) -> Object:
    values = {
        "URL": 'required "console.url is needed: where people reach the console"'
        " .Values.console.url",
        "NAMESPACE": ".Values.console.namespace",
        "ISSUER": ".Values.console.oidc.issuer",
        "CLIENT_ID": ".Values.console.oidc.clientId",
    }
    named = {f"PROMPTRELEASE_CONSOLE_{key}": value for key, value in values.items()}
    if named.keys() != obj["data"].keys():
        raise ValueError(f"{CONSOLE} has other settings than {__file__} knows")
    obj["data"] = {key: hole(f"{{{{ {value} | quote }}}}") for key, value in named.items()}
    return obj


def _network_policy(obj: Object) -> Object:
    rules = obj["spec"]["ingress"]
    rules[0][optional("from", ".Values.console.allowFrom")] = None
    each = "{{- range .Values.networkPolicy.apiServerPorts }}"
    port = "- protocol: TCP\n  port: {{ . }}"
    obj["spec"]["egress"][0]["ports"] = [hole(f"{each}\n{port}\n{{{{- end }}}}")]
    return obj


def _deployment(obj: Object) -> Object:
    spec, pod = obj["spec"], obj["spec"]["template"]
    spec["replicas"] = hole("{{ .Values.console.replicas }}")
    pod["metadata"]["labels"] = pod["metadata"]["labels"] | {listed(".Values.podLabels"): None}
    pod["metadata"][optional("annotations", ".Values.podAnnotations")] = None
    inner = pod["spec"]
    inner.pop("nodeSelector")  # the values' default
    for key in ("nodeSelector", "tolerations", "affinity", "imagePullSecrets"):
        inner[optional(key, f".Values.{key}")] = None
    (container,) = inner["containers"]
    container["image"] = hole('{{ include "promptrelease.image" . | quote }}')
    container["imagePullPolicy"] = hole("{{ .Values.image.pullPolicy }}")
    for variable in container["env"]:
        if "valueFrom" in variable:
            variable["valueFrom"]["secretKeyRef"]["name"] = hole("{{ .Values.console.secretName }}")
    variable, source = _added(IMPERSONATION)
    container["env"] += [hole(when(PEOPLE, dump([variable]))), listed(".Values.console.env")]
    (volume,) = inner["volumes"]
    volume["projected"]["sources"].append(hole(when(PEOPLE, dump([source]))))
    container.pop("resources")  # the values' default
    container[optional("resources", ".Values.console.resources")] = None
    return obj


def _added(folder: Path) -> list[Object]:
    """Return what the component's patch adds: a variable, and a source of its volume."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    (patch,) = kustomization["patches"]
    return [operation["value"] for operation in yaml.safe_load(patch["patch"])]


def _impersonation(obj: Object) -> Object:
    for subject in obj.get("subjects", ()):
        subject["namespace"] = NAMESPACE
    if "rules" in obj:
        obj["rules"] = [
            hole(
                when(
                    f".Values.console.impersonation.{kind}",
                    dump([rule | {"resourceNames": hole(_names(kind))}]),
                )
            )
            for kind, rule in zip(("users", "groups"), obj["rules"], strict=True)
        ]
    return obj


def _names(kind: str) -> str:
    return f"{{{{ toJson .Values.console.impersonation.{kind} }}}}"
