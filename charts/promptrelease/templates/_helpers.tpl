{{- define "promptrelease.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Whether a Lease says who works: "true" or nothing. Two without one would write everything twice. */}}
{{- define "promptrelease.elects" -}}
{{- if or .Values.leaderElection.enabled (gt (int .Values.replicas) 1) }}true{{ end -}}
{{- end -}}

{{/* Whether names are filled in: "true" or nothing. */}}
{{- define "promptrelease.stamps" -}}
{{- $known := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- $stamp := .Values.admission.stamp | toString -}}
{{- if and .Values.admission.enabled (or (eq $stamp "true") (and (eq $stamp "auto") $known)) }}true{{ end -}}
{{- end -}}
