package main

import "fmt"

// Volume sources, by whether restricted allows them. Each value is the least that decodes.
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
			made[d.source()] = pick[any](d, object{}, object{}, object{}, nil)
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
