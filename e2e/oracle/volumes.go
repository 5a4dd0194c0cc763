package main

import "fmt"

// Volume sources, by whether restricted allows them.
var (
	allowedSources = []string{
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
	}
	otherSources = []string{
		"hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume", "cinder",
		"cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume",
		"scaleIO", "storageos",
	}
)

// filled are sources with something in them; no check looks inside. Made anew each time: pods are changed in place.
func filled() map[string]object {
	return map[string]object{
		"hostPath":  {"path": "/var/run/docker.sock", "type": nil},
		"emptyDir":  {"medium": "Memory", "sizeLimit": 1024},
		"csi":       {"driver": "csi.example.com", "readOnly": nil, "volumeAttributes": object{"hostPath": "/"}},
		"image":     {"reference": "registry.example/data", "pullPolicy": ""},
		"projected": {"sources": []any{object{"serviceAccountToken": object{"path": "t", "expirationSeconds": 600}}, nil, object{}}},
		"configMap": {"name": "hostPath", "items": []any{object{"key": "a", "path": "b"}}},
		"ephemeral": {"volumeClaimTemplate": object{"spec": object{"storageClassName": "x"}}},
	}
}

// volume adds volumes: mostly of one source, some of two, some of none.
func volume(d *draft) {
	for range 1 + d.IntN(3) {
		made := object{"name": d.name(fmt.Sprintf("vol%d", d.IntN(4)))}
		sources := 1
		switch {
		case d.chance(0.06):
			sources = 0
		case d.chance(0.15):
			sources = 2
		}
		for range sources {
			source := d.source()
			made[source] = pick[any](d, object{}, object{}, object{}, nil)
			if full, ok := filled()[source]; ok && d.chance(0.5) {
				made[source] = full
			}
		}
		// Nothing, an unknown kind, or one misspelt: a volume without a source all the same.
		if sources == 0 {
			made[pick(d, "emptydir", "HostPath", "hostpath", "unknownVolume")] = object{}
		}
		grow(d.spec(), "volumes", made)
	}
}

func (d *draft) source() string {
	switch {
	case !d.chance(d.bad):
		return pick(d, allowedSources...)
	case d.chance(0.3):
		return "hostPath"
	}
	return pick(d, otherSources...)
}
