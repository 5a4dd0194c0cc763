package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
)

// A question is a pod and the policy to judge it by.
type question struct {
	id      string
	level   string
	version string
	pod     json.RawMessage
}

// A judged question, as it is written.
type judged struct {
	ID      string          `json:"id"`
	Level   string          `json:"level"`
	Version string          `json:"version"`
	Pod     json.RawMessage `json:"pod"`
	// Results are the failing checks, in upstream's order.
	Results []failure `json:"results"`
	Allowed bool      `json:"allowed"`
	// Text is upstream's long form.
	Text string `json:"text"`

	// ran holds every check that ran, failed or not, for the statistics.
	ran []ran
}

type failure struct {
	ran
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// ran names a check and the policy version its revision dates from.
type ran struct {
	Check string `json:"check"`
	Since string `json:"since"`
}

// A referee is upstream's evaluator, with every check wrapped so that it tells its name: results carry none. One referee
// serves one goroutine.
type referee struct {
	evaluator policy.Evaluator
	ran       []ran
}

func newReferee() (*referee, error) {
	r := &referee{}
	checks := policy.DefaultChecks()
	for _, check := range checks {
		for i := range check.Versions {
			revision := &check.Versions[i]
			name := ran{string(check.ID), revision.MinimumVersion.String()}
			inner := revision.CheckPod
			revision.CheckPod = func(meta *metav1.ObjectMeta, spec *corev1.PodSpec) policy.CheckResult {
				r.ran = append(r.ran, name)
				return inner(meta, spec)
			}
		}
	}
	// No emulation: the newest policy there is.
	evaluator, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		return nil, err
	}
	r.evaluator = evaluator
	return r, nil
}

// judge decodes the pod as an API server does (names of fields are case-sensitive, nothing is defaulted) and evaluates it.
func (r *referee) judge(q question) (*judged, error) {
	level, err := api.ParseLevel(q.level)
	if err != nil {
		return nil, err
	}
	version, err := api.ParseVersion(q.version)
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := kjson.UnmarshalCaseSensitivePreserveInts(q.pod, &pod); err != nil {
		return nil, fmt.Errorf("%w: %w", errDecode, err)
	}

	r.ran = nil
	results := r.evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: version}, &pod.ObjectMeta, &pod.Spec)
	if len(results) != len(r.ran) {
		return nil, fmt.Errorf("%s: %d results of %d checks", q.id, len(results), len(r.ran))
	}
	all := policy.AggregateCheckResults(results)
	j := &judged{
		ID: q.id, Level: q.level, Version: q.version, Pod: q.pod,
		Results: []failure{}, Allowed: all.Allowed, Text: all.ForbiddenDetail(),
		ran: r.ran,
	}
	for i, result := range results {
		if !result.Allowed {
			j.Results = append(j.Results, failure{r.ran[i], result.ForbiddenReason, result.ForbiddenDetail})
		}
	}
	return j, nil
}

// questions judges the pods that somebody else made, one JSON line each.
func questions(in io.Reader, out sink) error {
	r, err := newReferee()
	if err != nil {
		return err
	}
	lines := json.NewDecoder(in)
	for {
		var asked struct {
			ID      string          `json:"id"`
			Level   string          `json:"level"`
			Version string          `json:"version"`
			Pod     json.RawMessage `json:"pod"`
		}
		if err := lines.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		j, err := r.judge(question{asked.ID, asked.Level, asked.Version, asked.Pod})
		if err != nil {
			return fmt.Errorf("%s: %w", asked.ID, err)
		}
		if err := out(j); err != nil {
			return err
		}
	}
}
