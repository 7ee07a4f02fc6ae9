//! What lies outside to be reached, made before the sandbox closes.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// The outside.
pub(crate) struct Scene {
    /// The working folder, the test's own.
    pub(crate) folder: PathBuf,
    /// A file in it that holds a word, and is open.
    pub(crate) file: PathBuf,
    pub(crate) open: File,
    /// The working folder, open.
    pub(crate) open_folder: File,
    /// The network namespace of the outside, open.
    pub(crate) network: File,
    /// Somebody listens there.
    pub(crate) tcp: SocketAddr,
    pub(crate) udp: SocketAddr,
    pub(crate) unix: PathBuf,
    pub(crate) hidden: std::os::unix::net::SocketAddr,
    /// The process that watches.
    pub(crate) parent: usize,
    pub(crate) program: PathBuf,
    _listeners: (TcpListener, UdpSocket, UnixListener, UnixListener),
}

impl Scene {
    pub(crate) fn set() -> io::Result<Self> {
        let folder = std::env::current_dir()?;
        let file = folder.join("victim");
        fs::write(&file, "a word")?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let unix = folder.join("socket");
        let name = format!("headwater-probe-{}", std::process::id());
        let hidden = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        Ok(Self {
            open: File::open(&file)?,
            open_folder: File::open(&folder)?,
            network: File::open("/proc/self/ns/net")?,
            tcp: tcp.local_addr()?,
            udp: udp.local_addr()?,
            parent: std::os::unix::process::parent_id() as usize,
            program: std::env::current_exe()?,
            _listeners: (tcp, udp, UnixListener::bind(&unix)?, UnixListener::bind_addr(&hidden)?),
            folder,
            file,
            unix,
            hidden,
        })
    }
}
