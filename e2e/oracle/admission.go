package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/admission"
	admissionapi "k8s.io/pod-security-admission/admission/api"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/metrics"
	"k8s.io/pod-security-admission/policy"
)

// A configuration is upstream's, with the names that Podgate's policies give its fields.
type configuration struct {
	Defaults   map[string]string   `json:"defaults"`
	Exemptions map[string][]string `json:"exemptions"`
}

// A review is one request, what was configured and labelled, and what upstream's whole admission plugin answers.
type review struct {
	ID            string            `json:"id"`
	Configuration configuration     `json:"configuration"`
	Labels        map[string]string `json:"labels"`
	Request       request           `json:"request"`
	Response      response          `json:"response"`
}

type request struct {
	Kind        metav1.GroupVersionKind     `json:"kind"`
	Resource    metav1.GroupVersionResource `json:"resource"`
	SubResource string                      `json:"subResource,omitempty"`
	Name        string                      `json:"name,omitempty"`
	Namespace   string                      `json:"namespace"`
	Operation   admissionv1.Operation       `json:"operation"`
	Username    string                      `json:"username"`
	Object      json.RawMessage             `json:"object"`
	OldObject   json.RawMessage             `json:"oldObject,omitempty"`
}

type response struct {
	Allowed     bool              `json:"allowed"`
	Code        int32             `json:"code"`
	Message     string            `json:"message"`
	Warnings    []string          `json:"warnings"`
	Annotations map[string]string `json:"annotations"`
}

// A plugin is upstream's admission plugin, with one namespace and nothing else behind it.
type plugin struct {
	evaluator policy.Evaluator
	decoder   runtime.Decoder
}

func newPlugin() (*plugin, error) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, batchv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return &plugin{evaluator, serializer.NewCodecFactory(scheme).UniversalDeserializer()}, nil
}

// decodes tells whether an API server could have sent the object.
func (p *plugin) decodes(object json.RawMessage, kind metav1.GroupVersionKind) bool {
	wanted := schema.GroupVersionKind(kind)
	_, _, err := p.decoder.Decode(object, &wanted, nil)
	return err == nil
}

func (p *plugin) answer(r *review) error {
	or := func(key, otherwise string) string {
		if value, ok := r.Configuration.Defaults[key]; ok {
			return value
		}
		return otherwise
	}
	gate := &admission.Admission{
		Configuration: &admissionapi.PodSecurityConfiguration{
			Defaults: admissionapi.PodSecurityDefaults{
				Enforce: or("enforce", "privileged"), EnforceVersion: or("enforceVersion", "latest"),
				Audit: or("audit", "privileged"), AuditVersion: or("auditVersion", "latest"),
				Warn: or("warn", "privileged"), WarnVersion: or("warnVersion", "latest"),
			},
			Exemptions: admissionapi.PodSecurityExemptions{
				Usernames:      r.Configuration.Exemptions["usernames"],
				Namespaces:     r.Configuration.Exemptions["namespaces"],
				RuntimeClasses: r.Configuration.Exemptions["runtimeClasses"],
			},
		},
		Evaluator:       p.evaluator,
		Metrics:         uncounted{},
		NamespaceGetter: labelled(r.Labels),
		PodLister:       empty{},
	}
	if err := gate.CompleteConfiguration(); err != nil {
		return err
	}
	if err := gate.ValidateConfiguration(); err != nil {
		return err
	}
	asked := &admissionv1.AdmissionRequest{
		UID: "u", Kind: r.Request.Kind, Resource: r.Request.Resource,
		SubResource: r.Request.SubResource, RequestSubResource: r.Request.SubResource,
		Name: r.Request.Name, Namespace: r.Request.Namespace, Operation: r.Request.Operation,
		Object: runtime.RawExtension{Raw: r.Request.Object}, OldObject: runtime.RawExtension{Raw: r.Request.OldObject},
	}
	asked.UserInfo.Username = r.Request.Username
	answer := gate.Validate(context.Background(), api.RequestAttributes(asked, p.decoder))
	r.Response = response{Allowed: answer.Allowed, Warnings: answer.Warnings, Annotations: answer.AuditAnnotations}
	if answer.Result != nil {
		r.Response.Code, r.Response.Message = answer.Result.Code, answer.Result.Message
	}
	return nil
}

// labelled knows every namespace, by the same labels.
type labelled map[string]string

func (l labelled) GetNamespace(_ context.Context, name string) (*corev1.Namespace, error) {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: l}}, nil
}

// empty lists no pods: Podgate lists none either.
type empty struct{}

func (empty) ListPods(context.Context, string) ([]*corev1.Pod, error) { return nil, nil }

type uncounted struct{}

func (uncounted) RecordEvaluation(metrics.Decision, api.LevelVersion, metrics.Mode, api.Attributes) {}
func (uncounted) RecordExemption(api.Attributes)                                                    {}
func (uncounted) RecordError(bool, api.Attributes)                                                  {}

// reviews asks the plugin about made-up requests.
func reviews(seed, first, count uint64, out func(any) error) error {
	p, err := newPlugin()
	if err != nil {
		return err
	}
	for number := first; number < first+count; number++ {
		// Another stream than the pods of the same seed are made from.
		rng := rand.New(rand.NewPCG(seed^0x9e3779b97f4a7c15, number))
		r, err := randomReview(p, rng)
		if err != nil {
			return err
		}
		r.ID = fmt.Sprintf("admission/%d", number)
		if err := p.answer(r); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
		if err := out(r); err != nil {
			return err
		}
	}
	return nil
}

var (
	levels     = []string{"privileged", "baseline", "restricted"}
	namespaces = []string{"shop", "kube-system", "team-a"}
	users      = []string{"ada", "system:serviceaccount:ci:builder", ""}
	classes    = []string{"kata", "gvisor"}
	modes      = []string{"enforce", "audit", "warn"}
)

func randomReview(p *plugin, rng *rand.Rand) (*review, error) {
	d := &draft{Rand: rng}
	r := &review{
		Configuration: configuration{map[string]string{}, map[string][]string{}},
		Labels:        map[string]string{},
	}
	for _, mode := range modes {
		d.perhaps(0.25, r.Configuration.Defaults, mode, levels...)
		d.perhaps(0.2, r.Configuration.Defaults, mode+"Version", "latest", "v1.24", "v1.37", "v1.99")
	}
	d.exempt(r.Configuration.Exemptions)
	d.label(r.Labels)
	r.Request.Namespace = pick(d, namespaces...)
	r.Request.Username = pick(d, users...)
	r.Request.Operation = admissionv1.Create
	if d.chance(0.45) {
		r.Request.Operation = admissionv1.Update
	}
	if d.chance(0.1) {
		return r, d.namespace(r)
	}
	for {
		made := r.Request
		if err := d.fill(&made); err != nil {
			return nil, err
		}
		// Pods that do not fit upstream's types reach no admission plugin.
		if p.decodes(made.Object, made.Kind) && (made.OldObject == nil || p.decodes(made.OldObject, made.Kind)) {
			r.Request = made
			return r, nil
		}
	}
}

// label writes a namespace's labels: mostly good ones.
func (d *draft) label(labels map[string]string) {
	const prefix = "pod-security.kubernetes.io/"
	for _, mode := range modes {
		d.perhaps(0.5, labels, prefix+mode, levels...)
		d.perhaps(0.3, labels, prefix+mode+"-version", "latest", "v1.0", "v1.24", "v1.30", "v1.37", "v1.38", "v1.4294967296")
		d.perhaps(0.06, labels, prefix+mode, "", "Baseline", "none", "restricted.", "PRIVILEGED")
		d.perhaps(0.05, labels, prefix+mode+"-version", "", "1.30", "v1.01", "v2.0", "Latest", "v1.9223372036854775808")
	}
	d.perhaps(0.2, labels, "team", "shop")
}

// namespace makes a request about the namespace itself.
func (d *draft) namespace(r *review) error {
	r.Request.set("", "Namespace", "namespaces")
	r.Request.Name = r.Request.Namespace
	if d.chance(0.05) {
		r.Request.SubResource = "finalize"
	}
	labelled := func() (json.RawMessage, error) {
		labels := map[string]string{}
		d.label(labels)
		if d.chance(0.3) {
			labels = r.Labels
		}
		return encode(object{"metadata": object{"name": r.Request.Name, "labels": labels}})
	}
	var err error
	if r.Request.Object, err = labelled(); err != nil {
		return err
	}
	if r.Request.Operation == admissionv1.Update {
		r.Request.OldObject, err = labelled()
	}
	return err
}

// perhaps sets a key to one of the values.
func (d *draft) perhaps(p float64, to map[string]string, key string, values ...string) {
	if d.chance(p) {
		to[key] = pick(d, values...)
	}
}

func (d *draft) exempt(to map[string][]string) {
	if d.chance(0.15) {
		to["usernames"] = []string{"someone", pick(d, users[:2]...)}
	}
	if d.chance(0.15) {
		to["namespaces"] = []string{pick(d, namespaces[1:]...), "other"}
	}
	if d.chance(0.3) {
		to["runtimeClasses"] = []string{pick(d, classes...)}
	}
}

// fill makes the object of a request, and the one before it.
func (d *draft) fill(r *request) error {
	q, err := randomQuestion(d.Rand)
	if err != nil {
		return err
	}
	var pod, old object
	for _, made := range []*object{&pod, &old} {
		if err := json.Unmarshal(q.pod, made); err != nil {
			return err
		}
	}
	if d.chance(0.2) {
		child(pod, "spec")["runtimeClassName"] = pick[any](d, "kata", "gvisor", "", nil)
	}
	d.change(pod, old)
	r.Name = pick(d, "web", "web", "")
	wrap := func(pod object) object { return pod }
	if d.chance(0.65) {
		r.set("", "Pod", "pods")
		if d.chance(0.2) {
			r.SubResource = pick(d, "ephemeralcontainers", "resize", "status", "teleport")
		}
	} else {
		wrap = d.workload(r)
		if d.chance(0.1) {
			r.SubResource = pick(d, "scale", "status")
		}
	}
	if r.Object, err = encode(wrap(pod)); err != nil {
		return err
	}
	if r.Operation == admissionv1.Update {
		r.OldObject, err = encode(wrap(old))
	}
	return err
}

// change makes the pod before the update differ from the one after it, in ways that count and in ways that do not.
func (d *draft) change(pod, old object) {
	for range d.IntN(3) {
		on := &draft{Rand: d.Rand, pod: pick(d, pod, old)}
		switch d.IntN(8) {
		case 0:
			on.container()["image"] = pick[any](d, "registry.example/other", "", nil)
		case 1:
			on.addContainer(pick(d, containerLists...), pick(d, "late", "debug", "main0"), false)
		case 2:
			spec := on.spec()
			list := pick(d, containerLists...)
			if items, _ := spec[list].([]any); len(items) > 0 {
				spec[list] = items[1:]
			}
		case 3:
			on.annotations()[appArmorPrefix+"main0"] = "unconfined"
		case 4:
			child(child(on.pod, "metadata"), "labels")["team"] = "shop"
		case 5:
			on.containerContext()["privileged"] = true
		case 6:
			child(on.pod, "metadata")["deletionTimestamp"] = "2026-01-01T00:00:00Z"
		case 7:
			on.spec()["tolerations"] = []any{object{"operator": "Exists"}}
		}
	}
}

func (r *request) set(group, kind, resource string) {
	r.Kind = metav1.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
	r.Resource = metav1.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
}

// workload picks a kind, and tells how it holds a pod.
func (d *draft) workload(r *request) func(object) object {
	metadata := object{"name": "web", "namespace": r.Namespace}
	template := func(pod object) object {
		made := maps.Clone(pod)
		delete(made, "apiVersion")
		delete(made, "kind")
		return made
	}
	inSpec := func(pod object) object {
		return object{"metadata": metadata, "spec": object{"replicas": 1, "template": template(pod)}}
	}
	switch d.IntN(8) {
	case 0:
		r.set("", "PodTemplate", "podtemplates")
		return func(pod object) object { return object{"metadata": metadata, "template": template(pod)} }
	case 1:
		r.set("", "ReplicationController", "replicationcontrollers")
		if d.chance(0.3) {
			return func(object) object { return object{"metadata": metadata, "spec": object{"replicas": 1}} }
		}
		return inSpec
	case 2:
		r.set("batch", "Job", "jobs")
		return func(pod object) object {
			return object{"metadata": metadata, "spec": object{"template": template(pod)}}
		}
	case 3:
		r.set("batch", "CronJob", "cronjobs")
		return func(pod object) object {
			job := object{"spec": object{"template": template(pod)}}
			return object{"metadata": metadata, "spec": object{"schedule": "@daily", "jobTemplate": job}}
		}
	case 4:
		r.set("apps", "DaemonSet", "daemonsets")
		return func(pod object) object {
			return object{"metadata": metadata, "spec": object{"template": template(pod)}}
		}
	}
	kind := pick(d, "Deployment", "ReplicaSet", "StatefulSet")
	r.set("apps", kind, map[string]string{"Deployment": "deployments", "ReplicaSet": "replicasets", "StatefulSet": "statefulsets"}[kind])
	return inSpec
}
