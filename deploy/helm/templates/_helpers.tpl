{{- define "caravan.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) }}
{{- /* A Service's name begins with a letter and has no dots; a release's may. */}}
{{- $plain := $name | replace "." "-" }}
{{- if regexMatch "^[0-9]" $plain }}{{ $plain = printf "c%s" $plain }}{{ end }}
{{- if ne $plain $name }}{{ $name = printf "%s-%s" (trunc 17 $plain | trimSuffix "-") (sha256sum $name | trunc 6) }}{{ end }}
{{- /* A worker's name, with its model's, has 63 letters at most. */}}
{{- if gt (len $name) 24 }}{{ printf "%s-%s" (trunc 17 $name | trimSuffix "-") (sha256sum $name | trunc 6) }}{{ else }}{{ $name }}{{ end }}
{{- end }}

{{/* A model's name as part of an object's: lower case, no dots, with a digest where that loses something. */}}
{{- define "caravan.modelSlug" -}}
{{- $slug := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trunc 22 | trimSuffix "-" }}
{{- if eq $slug . }}{{ $slug }}{{ else }}{{ $slug }}-{{ sha256sum . | trunc 6 }}{{ end }}
{{- end }}

{{- define "caravan.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "caravan.labels" -}}
{{ include "caravan.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "caravan.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "caravan.adminSecret" -}}
{{ .Values.keys.existingSecret | default (printf "%s-admin" (include "caravan.fullname" .)) }}
{{- end }}

{{- define "caravan.metricsSecret" -}}
{{ .Values.keys.metricsSecret | default (printf "%s-metrics" (include "caravan.fullname" .)) }}
{{- end }}

{{- define "caravan.flowerSecret" -}}
{{ .Values.flower.existingSecret | default (printf "%s-flower" (include "caravan.fullname" .)) }}
{{- end }}

{{- define "caravan.redisSecret" -}}
{{ .Values.redis.existingSecret | default (printf "%s-redis" (include "caravan.fullname" .)) }}
{{- end }}

{{/* What every pod of ours is: no root, no token of the cluster's API. */}}
{{- define "caravan.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "caravan.container" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What a component of ours gets as variables: a secret goes to those alone that need it (docs/security.md). */}}
{{- define "caravan.env" -}}
{{- $component := .component }}
{{- with .root }}
{{- if .Values.redis.builtin }}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "caravan.redisSecret" . | quote }}, key: redis-password}}
- name: CARAVAN_REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "caravan.fullname" . }}-redis:{{ .Values.redis.port }}/0
{{- else }}
- name: CARAVAN_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.external.urlSecret.name | quote }}, key: {{ .Values.redis.external.urlSecret.key | quote }}}}
{{- with .Values.redis.external.sentinel }}
{{- if .user }}
- name: CARAVAN_SENTINEL_USER
  value: {{ .user | quote }}
{{- end }}
{{- if .passwordSecret.name }}
- name: CARAVAN_SENTINEL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .passwordSecret.name | quote }}, key: {{ .passwordSecret.key | quote }}}}
{{- end }}
{{- end }}
{{- end }}
- name: CARAVAN_MODELS_FILE
  value: /etc/caravan/models.yaml
- name: CARAVAN_LOG_FORMAT
  value: json
- name: CARAVAN_KEYS
  value: {{ .Values.keys.enabled | quote }}
{{- if eq $component "web" }}
- name: CARAVAN_ADMIN_KEY
  valueFrom: {secretKeyRef: {name: {{ include "caravan.adminSecret" . | quote }}, key: admin-key}}
- name: CARAVAN_METRICS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "caravan.metricsSecret" . | quote }}, key: metrics-key}}
{{- end }}
{{- if and .Values.traces.endpoint (ne $component "flower") }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.traces.endpoint | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- $needed := dict "CARAVAN_WEBHOOK_SECRET" (list "web" "clerk") "CARAVAN_WEBHOOK_SHARED_SECRET" (list "clerk") "HF_TOKEN" (list "worker") }}
{{- range $name, $secret := .Values.secretSettings }}
{{- $those := ternary (list "flower") (get $needed $name) (hasPrefix "FLOWER_" $name) }}
{{- $those = ternary (list "web" "worker" "clerk") $those (hasPrefix "OTEL_" $name) }}
{{- if or (not $those) (has $component $those) }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $secret.name | quote }}, key: {{ $secret.key | quote }}}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "caravan.mounts" -}}
- {name: catalogue, mountPath: /etc/caravan, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- end }}

{{- define "caravan.volumes" -}}
- name: catalogue
  configMap: {name: {{ include "caravan.fullname" . }}-models}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- end }}

{{/* The folder that the web front and the clerks share. */}}
{{- define "caravan.filesMount" -}}
- {name: files, mountPath: /files}
{{- end }}

{{- define "caravan.filesVolume" -}}
- name: files
  persistentVolumeClaim: {claimName: {{ .Values.files.existingClaim | default (printf "%s-files" (include "caravan.fullname" .)) | quote }}}
{{- end }}

{{/* Pods with an old catalogue are replaced. */}}
{{- define "caravan.annotations" -}}
checksum/models: {{ include "caravan.catalogue" . | sha256sum }}
{{- end }}

{{/* Keys of a model that go into its entry as they are, by their names here. */}}
{{- define "caravan.engineKeys" -}}
sha256: sha256
priority: priority
answerCache: answer_cache
threads: threads
threadsBatch: threads_batch
gpuLayers: gpu_layers
mainGpu: main_gpu
tensorSplit: tensor_split
flashAttention: flash_attention
cacheTypeK: cache_type_k
cacheTypeV: cache_type_v
mmap: mmap
mlock: mlock
batchTokens: batch_tokens
ubatchTokens: ubatch_tokens
ropeScaling: rope_scaling
ropeScale: rope_scale
ropeFreqBase: rope_freq_base
yarnOrigContext: yarn_orig_context
chatTemplate: chat_template
speculation: speculation
prefixCache: prefix_cache
adapters: adapters
pooling: pooling
{{- end }}

{{- define "caravan.catalogue" -}}
models:
{{- range .Values.models }}
  {{ .name | quote }}:
    path: {{ .path | quote }}
    {{- with .kind }}
    kind: {{ . }}
    {{- end }}
    {{- with .slots }}
    slots: {{ . }}
    {{- end }}
    {{- with .context }}
    context: {{ . }}
    {{- end }}
    {{- with .kvTokens }}
    kv_tokens: {{ . }}
    {{- end }}
    {{- if .specialTokensInContent }}
    special_tokens_in_content: true
    {{- end }}
    {{- with .keepAlive }}
    keep_alive: {{ . }}
    {{- end }}
    {{- with .workers }}
    workers: {min: {{ .min }}, max: {{ .max }}}
    {{- end }}
    {{- $model := . }}
    {{- range $key, $name := include "caravan.engineKeys" $ | fromYaml }}
    {{- if hasKey $model $key }}
    {{ $name }}: {{ get $model $key | toJson }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{/* How many pods there are of a Deployment whose number something else decides. Before there is one, so many: */}}
{{- define "caravan.replicas" -}}
{{- $there := lookup "apps/v1" "Deployment" .root.Release.Namespace .name }}
replicas: {{ if $there }}{{ $there.spec.replicas }}{{ else }}{{ .first }}{{ end }}
{{- end }}

{{/* Where a component's pods go. */}}
{{- define "caravan.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* A budget that never holds a node's drain up for a pod that is broken anyway. */}}
{{- define "caravan.disruption" -}}
maxUnavailable: 1
unhealthyPodEvictionPolicy: AlwaysAllow
{{- end }}

{{/* What the web front serves itself: first parts of its paths. */}}
{{- define "caravan.webPaths" -}}
admin api apply-template batches chat completion completions console detokenize docs embedding embeddings files health healthz infill jobs markdown messages metrics models openapi.json overview props queues readyz rerank reranking responses session slots stream streams tokenize tokenizer_info v1 v2 webhooks
{{- end }}

{{/* The port of the collector that traces go to. */}}
{{- define "caravan.tracesPort" -}}
{{- $url := urlParse .Values.traces.endpoint }}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}

{{/* The ports of an external Redis' sentinels, as a list in JSON. */}}
{{- define "caravan.sentinelPorts" -}}
{{- $ports := list }}
{{- range .Values.redis.external.sentinel.addresses }}
{{- $ports = append $ports (splitList ":" . | last | int) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{/* Where KEDA finds Redis, as fields of a trigger. */}}
{{- define "caravan.kedaRedis" -}}
{{- $external := .Values.redis.external }}
{{- if .Values.redis.builtin }}
address: {{ printf "%s-redis.%s.svc:%v" (include "caravan.fullname" .) .Release.Namespace .Values.redis.port | quote }}
databaseIndex: "0"
enableTLS: "false"
{{- else }}
{{- with $external.sentinel }}
{{- if .name }}
addresses: {{ join "," .addresses | quote }}
sentinelMaster: {{ .name | quote }}
{{- if .user }}
sentinelUsername: {{ .user | quote }}
{{- end }}
{{- else }}
address: {{ $external.address | quote }}
{{- end }}
{{- end }}
databaseIndex: {{ $external.database | quote }}
enableTLS: {{ $external.tls | quote }}
{{- end }}
{{- end }}

{{/* Variables that the chart makes of its other values. */}}
{{- define "caravan.madeSettings" -}}
CARAVAN_ADMIN_KEY CARAVAN_DRAIN_SECONDS CARAVAN_FILES_DIR CARAVAN_HEARTBEAT_FILE CARAVAN_HOST CARAVAN_KEYS CARAVAN_LOG_FORMAT CARAVAN_METRICS_KEY CARAVAN_MODELS_FILE CARAVAN_PORT CARAVAN_REDIS_URL CARAVAN_SENTINEL_PASSWORD CARAVAN_SENTINEL_USER CARAVAN_WEB_PROCESSES FLOWER_BASIC_AUTH FLOWER_DB FLOWER_PASSWORD FLOWER_PERSISTENT FLOWER_STATE_SAVE_INTERVAL FLOWER_URL_PREFIX HF_HOME HF_HUB_OFFLINE OTEL_EXPORTER_OTLP_ENDPOINT
{{- end }}

{{/* A quantity of Kubernetes' as a number. */}}
{{- define "caravan.amount" -}}
{{- $text := toString . }}
{{- $unit := regexFind "[A-Za-z]+$" $text }}
{{- $factors := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- mulf (trimSuffix $unit $text | float64) (get $factors $unit | float64) }}
{{- end }}

{{/* Refuses requests over their limits, and cards in parts or without a limit that is the same. */}}
{{- define "caravan.checkResources" -}}
{{- $of := . }}
{{- range $name, $request := .resources.requests }}
{{- if contains "/" $name }}
{{- if ne (toString $request) (get ($of.resources.limits | default dict) $name | toString) }}
{{- fail (printf "%s.resources: %s needs a limit that is the same as its request, %v" $of.where $name $request) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $limit := .resources.limits }}
{{- if and (contains "/" $name) (not (regexMatch "^[0-9]+$" (toString $limit))) }}
{{- fail (printf "%s.resources: %s is given in whole numbers, not %v" $of.where $name $limit) }}
{{- end }}
{{- with get ($of.resources.requests | default dict) $name }}
{{- if gt (include "caravan.amount" . | float64) (include "caravan.amount" $limit | float64) }}
{{- fail (printf "%s.resources: the request of %s, %v, is more than its limit, %v" $of.where $name . $limit) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "caravan.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  # Of one version of the pods: else those that an upgrade is about to replace count as well.
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{ include "caravan.selector" . | nindent 6 }}
{{- end }}
