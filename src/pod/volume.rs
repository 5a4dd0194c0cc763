//! Volumes: their name, which sources they have, and the two sources that rules look into.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::decode::{List, Present, Text};

macro_rules! volume_sources {
    ($($variant:ident $key:literal,)*) => {
        /// A kind of volume, in the order in which Pod Security names the first that is not allowed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each variant is the API's own name")]
        pub enum VolumeSource { $($variant,)* }

        impl VolumeSource {
            /// All sources, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The field's name in the API.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            fn from_key(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

volume_sources! {
    HostPath "hostPath",
    GcePersistentDisk "gcePersistentDisk",
    AwsElasticBlockStore "awsElasticBlockStore",
    GitRepo "gitRepo",
    Nfs "nfs",
    Iscsi "iscsi",
    Glusterfs "glusterfs",
    Rbd "rbd",
    FlexVolume "flexVolume",
    Cinder "cinder",
    CephFs "cephfs",
    Flocker "flocker",
    Fc "fc",
    AzureFile "azureFile",
    VsphereVolume "vsphereVolume",
    Quobyte "quobyte",
    AzureDisk "azureDisk",
    PhotonPersistentDisk "photonPersistentDisk",
    PortworxVolume "portworxVolume",
    ScaleIo "scaleIO",
    StorageOs "storageos",
    ConfigMap "configMap",
    Csi "csi",
    DownwardApi "downwardAPI",
    EmptyDir "emptyDir",
    Ephemeral "ephemeral",
    Image "image",
    PersistentVolumeClaim "persistentVolumeClaim",
    Projected "projected",
    Secret "secret",
}

/// One entry of `spec.volumes`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Volume<'a> {
    /// Name, unique in the pod.
    pub name: Text<'a>,
    /// The path on the node, where the source is `hostPath`.
    pub host_path: Option<HostPath<'a>>,
    /// The image, where the source is `image`.
    pub image: Option<ImageSource<'a>>,
    /// Whether a projected source asks for a service account token.
    pub projects_token: bool,
    sources: u32,
}

impl Volume<'_> {
    /// Whether `source` is set, even to an empty object.
    #[must_use]
    pub fn has(&self, source: VolumeSource) -> bool {
        self.sources & (1 << source as u32) != 0
    }

    /// The sources that are set, in Pod Security's order. The API allows one; a manifest may hold more.
    pub fn sources(&self) -> impl Iterator<Item = VolumeSource> {
        VolumeSource::ALL.iter().copied().filter(|source| self.has(*source))
    }
}

/// `hostPath`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct HostPath<'a> {
    /// Path on the node.
    #[serde(borrow)]
    pub path: Option<Text<'a>>,
}

/// `image`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ImageSource<'a> {
    /// The image's reference.
    #[serde(borrow)]
    pub reference: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
struct Projected {
    sources: Option<List<ProjectedSource>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProjectedSource {
    service_account_token: Option<Present>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Volume<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VolumeVisitor)
    }
}

struct VolumeVisitor;

impl<'de> Visitor<'de> for VolumeVisitor {
    type Value = Volume<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a volume")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut volume = Volume::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let Some(source) = VolumeSource::from_key(&key) else {
                if &*key == "name" {
                    volume.name = map.next_value::<Option<Text<'de>>>()?.unwrap_or_default();
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
                continue;
            };
            if volume.has(source) {
                return Err(A::Error::duplicate_field(source.name()));
            }
            let present = match source {
                VolumeSource::HostPath => {
                    volume.host_path = map.next_value()?;
                    volume.host_path.is_some()
                }
                VolumeSource::Image => {
                    volume.image = map.next_value()?;
                    volume.image.is_some()
                }
                VolumeSource::Projected => {
                    let projected = map.next_value::<Option<Projected>>()?;
                    volume.projects_token = projected
                        .as_ref()
                        .and_then(|projected| projected.sources.as_deref())
                        .is_some_and(|all| all.iter().any(|s| s.service_account_token.is_some()));
                    projected.is_some()
                }
                _ => map.next_value::<Option<IgnoredAny>>()?.is_some(),
            };
            if present {
                volume.sources |= 1 << source as u32;
            }
        }
        Ok(volume)
    }
}
