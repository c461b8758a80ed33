//! How a disk is attached: its controller and its device, in QEMU's words.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::arch::Arch;

/// What a disk is plugged into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bus {
    /// The only bus whose driver is built into distributions' kernels for virtual machines.
    #[default]
    Nvme,
    Virtio,
    Scsi,
    Ahci,
    Usb,
}

impl Bus {
    /// The controller that has to be there before the disk; one for all disks of the bus.
    pub fn controller(self) -> Option<&'static str> {
        match self {
            Bus::Nvme | Bus::Virtio => None,
            Bus::Scsi => Some("virtio-scsi-pci,id=scsi"),
            Bus::Ahci => Some("ahci,id=ahci"),
            Bus::Usb => Some("qemu-xhci,id=xhci"),
        }
    }

    /// Whether a disk that comes later needs a port kept free for it: PCI Express takes a device later
    /// only so. The machine `pc` has the older PCI, and behind a controller no disk needs one.
    pub fn needs_port(self, arch: Arch) -> bool {
        arch == Arch::Aarch64 && matches!(self, Bus::Nvme | Bus::Virtio)
    }

    /// Whether QEMU lets a disk of this bus come while the machine runs.
    pub fn is_pluggable(self) -> bool {
        self != Bus::Ahci
    }
}

/// The port that is kept free for drive number `index`.
pub fn port_option(index: usize) -> String {
    // A port's slot is named by its chassis and its number there; chassis are numbered from 1.
    format!("pcie-root-port,id=port{index},chassis={}", index + 1)
}

/// The properties of the device that shows drive number `index`; the driver comes first.
pub fn device(bus: Bus, index: usize, at_port: bool) -> Vec<(&'static str, String)> {
    let port = at_port.then(|| format!("port{index}"));
    let (driver, place) = match bus {
        Bus::Nvme => ("nvme", port),
        Bus::Virtio => ("virtio-blk-pci", port),
        Bus::Scsi => ("scsi-hd", Some("scsi.0".to_owned())),
        Bus::Ahci => ("ide-hd", Some(format!("ahci.{index}"))),
        Bus::Usb => ("usb-storage", Some("xhci.0".to_owned())),
    };
    let mut properties = vec![("driver", driver.to_owned())];
    properties.extend(place.map(|place| ("bus", place)));
    properties.push(("drive", format!("drive{index}")));
    properties.push(("serial", format!("rootlet{index}")));
    properties
}

/// These properties as the value of `-device`.
pub fn device_option(bus: Bus, index: usize) -> String {
    let properties = device(bus, index, false);
    properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

/// These properties as the arguments of `device_add`, for a disk that comes later.
pub fn device_arguments(bus: Bus, index: usize, arch: Arch) -> Value {
    let properties = device(bus, index, bus.needs_port(arch));
    let map: Map<_, _> =
        properties.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Value::Object(map)
}
