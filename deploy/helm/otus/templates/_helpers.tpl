{{/* The name of everything in the release's namespace. */}}
{{- define "otus.name" -}}
{{- if contains "otus" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-otus" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* ClusterRoles are the cluster's: two releases in two namespaces have two sets. */}}
{{- define "otus.cluster" -}}
{{ printf "%s-%s" .Release.Namespace (include "otus.name" .) }}
{{- end }}

{{- define "otus.account" -}}
{{ .Values.serviceAccount.name | default (include "otus.name" .) }}
{{- end }}

{{- define "otus.selector" -}}
app.kubernetes.io/name: otus
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "otus.labels" -}}
{{ include "otus.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "otus.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end -}}
{{- end }}

{{/* What each thing that Otus does asks for; deploy/kubernetes/roles.yaml says why. */}}
{{- define "otus.rules" -}}
read:
  - { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }
  - { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] }
  - { apiGroups: [""], resources: ["events"], verbs: ["list"] }
deployments:
  - { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch", "patch"] }
  - { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list", "watch"] }
canary:
  - { apiGroups: ["apps"], resources: ["deployments"], verbs: ["create", "delete"] }
statefulsets:
  - { apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["get", "list", "watch", "patch"] }
daemonsets:
  - { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["get", "list", "watch", "patch"] }
  - { apiGroups: ["apps"], resources: ["controllerrevisions"], verbs: ["list", "watch"] }
rollouts:
  - { apiGroups: ["argoproj.io"], resources: ["rollouts"], verbs: ["get", "list", "watch", "patch"] }
  - { apiGroups: ["argoproj.io"], resources: ["rollouts/status"], verbs: ["patch"] }
  - { apiGroups: ["apps"], resources: ["replicasets"], verbs: ["list", "watch"] }
jobs:
  - { apiGroups: ["batch"], resources: ["jobs"], verbs: ["create", "get", "list", "watch", "patch", "delete"] }
{{- end }}
