package main

import (
	"encoding/json"
	"maps"
)

const (
	appArmorPrefix         = "container.apparmor.security.beta.kubernetes.io/"
	seccompPodKey          = "seccomp.security.alpha.kubernetes.io/pod"
	seccompContainerPrefix = "container.seccomp.security.alpha.kubernetes.io/"
)

// tweaks each change one thing about the pod. Most touch what a check reads; the last few try what none should.
var tweaks = []func(*draft){
	appArmorField, appArmorAnnotation, addedCapabilities, droppedCapabilities, hostNamespace, volume, volume, hostPort,
	probeHost, probeHost, privileged, procMount, seLinux, seccompField, seccompAnnotation, sysctl, hostProcess,
	privilegeEscalation, nonRoot, user, hostUsers, operatingSystem, bareContainer, doubledContainer, noContainers, unread,
}

func (d *draft) tweak(times int) {
	for range times {
		pick(d, tweaks...)(d)
	}
}

func values[T any](from ...T) []any {
	all := make([]any, len(from))
	for i, value := range from {
		all[i] = value
	}
	return all
}

// profile is an AppArmor or seccomp profile; without a type it is one all the same.
func (d *draft) profile() any {
	good := []any{object{"type": "RuntimeDefault"}, object{"type": "Localhost", "localhostProfile": "x"}, nil}
	return d.either(good, []any{
		object{"type": "Unconfined"}, object{"type": "Unconfined"}, object{}, object{"type": nil}, object{"localhostProfile": "x"},
		object{"type": d.off("", "runtimeDefault", "RuntimeDefault ", "localhost", "docker/default")},
	})
}

func appArmorField(d *draft) { d.context()["appArmorProfile"] = d.profile() }

func appArmorAnnotation(d *draft) {
	for range 1 + d.IntN(2) {
		suffix := pick(d, d.containerName(), d.containerName(), "", "ghost", d.awkward())
		d.annotations()[appArmorPrefix+suffix] = d.either(
			values("", "runtime/default", "localhost/", "localhost/x", "localhost/"+d.awkward()),
			values("unconfined", d.awkward(), d.off(" ", "runtime/default ", "Localhost/x", "localhost", "docker/default")))
	}
}

// containerName is a name in use.
func (d *draft) containerName() string {
	name, _ := d.container()["name"].(string)
	return name
}

func addedCapabilities(d *draft) {
	capabilities := child(d.containerContext(), "capabilities")
	for range 1 + d.IntN(3) {
		good := values("NET_BIND_SERVICE")
		if !d.restricted || d.minor < 22 {
			good = values("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
				"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT")
		}
		grow(capabilities, "add", d.either(good,
			values(d.off("NET_RAW", "SYS_ADMIN", "ALL", "CAP_CHOWN", "chown", "", "CHOWN ", "SYS_TIME", "KILL"))))
	}
}

func droppedCapabilities(d *draft) {
	child(d.containerContext(), "capabilities")["drop"] = d.either(
		[]any{[]any{"ALL"}, []any{"NET_RAW", "ALL"}, []any{"ALL", "ALL", d.off("all")}},
		[]any{
			[]any{"all"}, []any{"All"}, []any{"CAP_ALL"}, []any{" ALL"}, []any{}, nil, []any{""}, []any{"NET_RAW"},
			[]any{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
				"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"},
		})
}

func hostNamespace(d *draft) {
	for range 1 + d.IntN(2) {
		d.spec()[pick(d, "hostNetwork", "hostPID", "hostIPC")] = d.either([]any{false, nil}, []any{true})
	}
}

func hostPort(d *draft) {
	container := d.container()
	for range 1 + d.IntN(3) {
		port := object{"containerPort": d.either(values(80, 0, 65535), values(-1))}
		if d.chance(0.9) {
			port["hostPort"] = d.either([]any{0, nil}, values(80, 443, 8080, 9, 10, 100, -1, -80, 65535, 1<<31-1, -1<<31))
		}
		if d.chance(0.2) {
			port["protocol"], port["hostIP"] = "UDP", "127.0.0.1"
		}
		grow(container, "ports", port)
	}
}

func probeHost(d *draft) {
	container := d.container()
	parent := container
	key := pick(d, "livenessProbe", "readinessProbe", "startupProbe", "postStart", "preStop")
	if key == "postStart" || key == "preStop" {
		parent = child(container, "lifecycle")
	}
	host := d.either([]any{"", nil}, values(d.off("localhost", "127.0.0.1", "::1", "10.0.0.1", "example.com", "0", " ")))
	actions := []object{
		{"httpGet": object{"host": host, "port": pick[any](d, 80, "http"), "path": "/"}},
		{"tcpSocket": object{"host": host, "port": 80}},
		{"httpGet": object{"port": 80, "httpHeaders": []any{object{"name": "Host", "value": "example.com"}}}},
		{"grpc": object{"port": 80, "service": "localhost"}},
		{"exec": object{"command": []any{"true"}}},
		{"httpGet": object{}, "tcpSocket": object{"host": host, "port": 0}},
		{"httpGet": nil}, {},
	}
	if d.chance(0.6) {
		actions = actions[:2]
	}
	parent[key] = pick(d, actions...)
}

func privileged(d *draft) {
	d.containerContext()["privileged"] = d.either([]any{false, nil}, []any{true})
}

func procMount(d *draft) {
	d.containerContext()["procMount"] = d.either([]any{"Default", nil},
		values("Unmasked", "Unmasked", "", d.off("default", "Other")))
}

func seLinux(d *draft) {
	options := child(d.context(), "seLinuxOptions")
	for range 1 + d.IntN(2) {
		switch d.IntN(7) {
		case 0:
			options["user"] = d.either([]any{"", nil}, values(d.off("system_u", " ")))
		case 1:
			options["role"] = d.either([]any{"", nil}, values(d.off("object_r", " ")))
		case 2:
			options["level"] = pick(d, "s0:c1", "", d.awkward())
		default:
			good := []any{"container_t", "container_init_t", "container_kvm_t", "", nil}
			if d.minor >= 31 {
				good = append(good, "container_engine_t")
			}
			options["type"] = d.either(good,
				values("container_engine_t", d.off("spc_t", "Container_t", "container_t ", "unconfined_t")))
		}
	}
}

func seccompField(d *draft) { d.context()["seccompProfile"] = d.profile() }

func seccompAnnotation(d *draft) {
	for range 1 + d.IntN(2) {
		name := d.containerName()
		key := pick(d, seccompPodKey, seccompContainerPrefix+name, seccompContainerPrefix+name,
			pick(d, seccompContainerPrefix, seccompContainerPrefix+"ghost", "seccomp.security.alpha.kubernetes.io/"+name))
		d.annotations()[key] = d.either(
			values("runtime/default", "docker/default", "localhost/", "localhost/"+d.awkward()),
			values("unconfined", "", d.off("runtime/default ", "RuntimeDefault", "Localhost/x", "localhost")))
	}
}

func sysctl(d *draft) {
	context := child(d.spec(), "securityContext")
	for range 1 + d.IntN(3) {
		good := values("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
			"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start")
		// Newer names, which pass or not by the version.
		if d.chance(0.5) {
			good = values("net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
				"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
				"net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat")
		}
		name := d.either(good, values(d.off("kernel.msgmax", "net/ipv4/tcp_syncookies", "", "net.core.somaxconn", "kernel.*")))
		grow(context, "sysctls", object{"name": name, "value": pick(d, "1", "0", "")})
	}
}

func hostProcess(d *draft) {
	options := child(d.context(), "windowsOptions")
	options["hostProcess"] = d.either([]any{false, nil}, []any{true})
	if d.chance(0.3) {
		options["runAsUserName"] = "ContainerAdministrator"
	}
}

func privilegeEscalation(d *draft) {
	d.containerContext()["allowPrivilegeEscalation"] = d.either([]any{false}, []any{true, nil})
}

func nonRoot(d *draft) {
	d.context()["runAsNonRoot"] = d.either([]any{true}, []any{false, nil})
}

func user(d *draft) {
	d.context()["runAsUser"] = d.either([]any{1, 1000, -1, nil, json.Number("9223372036854775807")}, []any{0})
}

func hostUsers(d *draft) {
	d.spec()["hostUsers"] = pick[any](d, false, false, false, true, nil)
	// What the user namespace excuses, and what it does not.
	if d.chance(0.6) {
		pick(d, procMount, nonRoot, user)(d)
	}
}

func operatingSystem(d *draft) {
	d.spec()["os"] = pick[any](d, object{"name": "windows"}, object{"name": "windows"}, object{"name": "linux"}, object{}, nil,
		object{"name": d.off("Windows", "windows ", "")})
	// What Windows excuses, and what it does not.
	if d.chance(0.6) {
		pick(d, privilegeEscalation, droppedCapabilities, addedCapabilities, seccompField, nonRoot)(d)
	}
}

func bareContainer(d *draft) {
	d.addContainer(pick(d, containerLists...), d.name("extra"), d.restricted && !d.chance(d.bad))
}

func doubledContainer(d *draft) {
	twin := maps.Clone(d.container())
	grow(d.spec(), pick(d, containerLists...), twin)
}

func noContainers(d *draft) {
	for _, list := range containerLists {
		if d.chance(0.5) {
			d.spec()[list] = pick[any](d, nil, []any{})
		}
	}
}

// unread sets what no check reads, or what is no field at all.
func unread(d *draft) {
	spec, container := d.spec(), d.container()
	pick(d,
		func() { spec["HostNetwork"], spec["hostnetwork"], spec["hostPid"] = true, true, true },
		func() { child(container, "securityContext")["Privileged"] = true },
		func() { child(spec, "securityContext")["privileged"] = true },
		func() { child(spec, "securityContext")["procMount"] = "Unmasked" },
		func() { child(container, "securityContext")["readOnlyRootFilesystem"] = false },
		func() { child(container, "securityContext")["runAsGroup"] = 0 },
		func() { child(spec, "securityContext")["supplementalGroups"] = []any{0, 6} },
		func() { child(container, "resources")["limits"] = object{"cpu": "1", "memory": "64Mi"} },
		func() { container["command"] = []any{"<sh>", "&", d.awkward()} },
		func() { container["env"] = []any{object{"name": "A", "value": d.awkward()}} },
		func() { spec["shareProcessNamespace"] = true },
		func() { spec["nodeName"], spec["runtimeClassName"] = "node", "kata" },
		func() { spec["unknownField"] = []any{1.5, "x", nil, object{"hostNetwork": true}} },
		func() { child(child(d.pod, "metadata"), "labels")[appArmorPrefix+"a"] = "unconfined" },
		func() { d.annotations()["example.com/"+d.awkward()] = d.awkward() },
		func() { d.pod["status"] = object{"phase": "Running", "hostIP": "10.0.0.1"} },
		func() {
			child(container, "resources")["requests"] = object{"cpu": 1, "memory": "1.5Gi", "example.com/gpu": nil}
		},
		func() {
			spec["tolerations"] = []any{object{"operator": "Exists"}, object{"key": nil, "tolerationSeconds": 1}, nil}
		},
		func() { spec["serviceAccountName"], spec["automountServiceAccountToken"] = "admin", false },
		func() { spec["template"] = object{"spec": object{"hostNetwork": true}} },
		func() { d.pod["template"] = object{"spec": object{"hostPID": true}} },
		func() { child(d.pod, "metadata")["deletionTimestamp"] = "2026-01-01T00:00:00Z" },
		func() {
			owner := object{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a", "uid": "u", "controller": pick[any](d, true, nil)}
			child(d.pod, "metadata")["ownerReferences"] = []any{owner}
		},
		func() { container["volumeMounts"] = []any{object{"name": "v", "mountPath": "/proc"}} },
	)()
}
