package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// An object is a JSON object under construction. Pods are made as JSON, not as upstream's types, so that null, empty
// objects and fields upstream does not know can be asked about too.
type object = map[string]any

// newestMinor is the newest policy version that changes anything, what `latest` and newer pins mean.
const newestMinor = 37

// A draft is one pod under construction.
type draft struct {
	*rand.Rand
	restricted bool
	// minor is the policy version in force.
	minor int
	// bad is how likely a tweak is to take a value from the wrong side of the line.
	bad float64
	pod object
}

func randomQuestion(rng *rand.Rand) (question, error) {
	d := &draft{Rand: rng, restricted: rng.IntN(2) == 0}
	q := question{level: "baseline", version: d.version()}
	if d.restricted {
		q.level = "restricted"
	}
	d.pod = object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "pod"}, "spec": object{}}
	if d.chance(0.55) {
		// Near the line: a pod that passes, and a step or two.
		d.bad = 0.4
		d.minimal()
		d.tweak(1 + d.IntN(2))
	} else {
		d.bad = 0.3
		if d.chance(0.8) {
			d.minimal()
		} else {
			d.addContainers(false)
		}
		d.tweak(2 + d.IntN(9))
	}
	if d.chance(0.12) {
		d.vandalise(1 + d.IntN(2))
		d.spec() // A Pod without a spec is no question of policy.
	}
	pod, err := encode(d.pod)
	q.pod = pod
	return q, err
}

// version draws the policy version as written, and sets the one in force.
func (d *draft) version() string {
	d.minor = newestMinor
	switch {
	case d.chance(0.06):
		return "latest"
	case d.chance(0.06):
		return pick(d, "v1.38", "v1.99", "v1.10000")
	}
	d.minor = d.IntN(newestMinor + 1)
	return fmt.Sprintf("v1.%d", d.minor)
}

// minimal makes a pod that passes its policy, in one of the ways to do so.
func (d *draft) minimal() {
	spec := d.spec()
	windows := d.minor >= 25 && d.chance(0.1)
	if windows {
		spec["os"] = object{"name": "windows"}
	}
	userNamespace := d.minor >= 35 && d.chance(0.15)
	if userNamespace {
		spec["hostUsers"] = false
	}
	d.addContainers(d.restricted && !windows)
	if !d.restricted {
		return
	}
	if !userNamespace {
		d.everywhere(func(context object) { context["runAsNonRoot"] = true })
	}
	if !windows && d.minor >= 19 {
		profile := pick(d, object{"type": "RuntimeDefault"}, object{"type": "Localhost", "localhostProfile": "a.json"})
		d.everywhere(func(context object) { context["seccompProfile"] = maps.Clone(profile) })
	}
}

// everywhere applies a setting that may be made for the pod, for every container, or both.
func (d *draft) everywhere(set func(object)) {
	where := d.IntN(4)
	if where != 0 {
		set(child(d.spec(), "securityContext"))
	}
	if where <= 1 {
		for _, container := range d.containers() {
			set(child(container, "securityContext"))
		}
	}
}

func (d *draft) addContainers(hardened bool) {
	for i := range 1 + d.IntN(2) {
		d.addContainer("containers", d.name(fmt.Sprintf("main%d", i)), hardened)
	}
	if d.chance(0.5) {
		d.addContainer("initContainers", d.name("init"), hardened)
	}
	if d.chance(0.4) {
		d.addContainer("ephemeralContainers", d.name("debug"), hardened)
	}
}

func (d *draft) addContainer(list, name string, hardened bool) object {
	container := object{"name": name, "image": "registry.example/pause"}
	if hardened {
		context := child(container, "securityContext")
		if d.minor >= 8 || d.chance(0.3) {
			context["allowPrivilegeEscalation"] = false
		}
		if d.minor >= 22 || d.chance(0.3) {
			context["capabilities"] = object{"drop": []any{"ALL"}}
		}
	}
	spec := d.spec()
	items, _ := spec[list].([]any)
	spec[list] = append(items, container)
	return container
}

// name is mostly the one wished for, else one that is shared or hard to print.
func (d *draft) name(wish string) string {
	switch {
	case d.chance(0.03):
		return d.awkward()
	case d.chance(0.03):
		return pick(d, "", "main0", "a, b", "é")
	}
	return wish
}

var containerLists = []string{"initContainers", "containers", "ephemeralContainers"}

func (d *draft) spec() object { return child(d.pod, "spec") }

func (d *draft) containers() []object {
	var found []object
	for _, list := range containerLists {
		items, _ := d.spec()[list].([]any)
		for _, item := range items {
			if container, ok := item.(object); ok {
				found = append(found, container)
			}
		}
	}
	return found
}

// container is any container of any kind.
func (d *draft) container() object {
	if all := d.containers(); len(all) > 0 {
		return pick(d, all...)
	}
	return d.addContainer(pick(d, containerLists...), "late", false)
}

// context is a container's security context or, once in three times, the pod's.
func (d *draft) context() object {
	if d.chance(0.35) {
		return child(d.spec(), "securityContext")
	}
	return d.containerContext()
}

func (d *draft) containerContext() object { return child(d.container(), "securityContext") }

func (d *draft) annotations() object { return child(child(d.pod, "metadata"), "annotations") }

func (d *draft) chance(p float64) bool { return d.Float64() < p }

// either draws from the values that pass or from those that do not.
func (d *draft) either(good, bad []any) any {
	if d.chance(d.bad) {
		return pick(d, bad...)
	}
	return pick(d, good...)
}

func pick[T any](d *draft, from ...T) T { return from[d.IntN(len(from))] }

// child is the object under a key, made when there is none.
func child(parent object, key string) object {
	if found, ok := parent[key].(object); ok {
		return found
	}
	made := object{}
	parent[key] = made
	return made
}

func grow(parent object, key string, items ...any) {
	list, _ := parent[key].([]any)
	// Clipped, so that containers copied from one another do not share a tail.
	parent[key] = append(slices.Clip(list), items...)
}

// A place is one value somewhere in the pod, and how to change it.
type place struct {
	value any
	set   func(any)
	drop  func()
}

func places(value any, found []place) []place {
	switch value := value.(type) {
	case object:
		// In a fixed order, or a seed would not repeat.
		for _, key := range slices.Sorted(maps.Keys(value)) {
			found = append(found, place{value[key], func(v any) { value[key] = v }, func() { delete(value, key) }})
			found = places(value[key], found)
		}
	case []any:
		for i := range value {
			found = append(found, place{value[i], func(v any) { value[i] = v }, func() { value[i] = object{} }})
			found = places(value[i], found)
		}
	}
	return found
}

// vandalise puts null, nothing or an empty value where something was, anywhere in the pod.
func (d *draft) vandalise(times int) {
	for range times {
		all := places(d.pod, nil)
		at := pick(d, all...)
		switch d.IntN(4) {
		case 0:
			at.drop()
		case 1:
			at.set(nil)
		default:
			switch at.value.(type) {
			case object:
				at.set(object{})
			case []any:
				at.set([]any{})
			case string:
				at.set("")
			case bool:
				at.set(false)
			default:
				at.set(nil)
			}
		}
	}
}
