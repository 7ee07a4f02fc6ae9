//! Files: read, written, made, found.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::{Anyone, Probe, Root, Untried, at, call, probe};

pub(crate) const PROBES: &[Probe] = &[
    probe("read-passwd", Anyone, |_| File::open("/etc/passwd").map(drop)),
    probe("read-own-program", Anyone, |scene| File::open(&scene.program).map(drop)),
    probe("write-own-program", Untried, |scene| {
        OpenOptions::new().write(true).open(&scene.program).map(drop)
    }),
    probe("read-neighbour", Anyone, |scene| fs::read(&scene.file).map(drop)),
    probe("write-neighbour", Anyone, |scene| fs::write(&scene.file, "changed")),
    probe("create-in-folder", Anyone, |scene| File::create(scene.folder.join("made")).map(drop)),
    probe("create-in-working-folder", Anyone, |_| File::create("made").map(drop)),
    probe("create-in-tmp", Anyone, |_| {
        let path = format!("/tmp/headwater-probe-{}", std::process::id());
        File::create(&path)?;
        fs::remove_file(path)
    }),
    probe("create-beside-open-folder", Anyone, |scene| {
        let flags = libc::O_CREAT | libc::O_WRONLY;
        let folder = scene.open_folder.as_raw_fd() as usize;
        call(libc::SYS_openat, [folder, at(c"made"), flags as usize, 0o600, 0, 0]).map(drop)
    }),
    probe("unnamed-file", Anyone, |_| {
        let flags = (libc::O_TMPFILE | libc::O_RDWR) as usize;
        call(libc::SYS_openat, [libc::AT_FDCWD as usize, at(c"/tmp"), flags, 0o600, 0, 0]).map(drop)
    }),
    probe("openat2", Anyone, |_| {
        let how = [libc::O_RDONLY as u64, 0, 0];
        call(libc::SYS_openat2, [libc::AT_FDCWD as usize, at(c"/etc/passwd"), at(&how), 24, 0, 0]).map(drop)
    }),
    probe("make-folder", Anyone, |scene| fs::create_dir(scene.folder.join("folder"))),
    probe("remove", Anyone, |scene| fs::remove_file(&scene.file)),
    probe("rename", Anyone, |scene| fs::rename(&scene.file, scene.folder.join("renamed"))),
    probe("symlink", Anyone, |scene| symlink("/etc/passwd", scene.folder.join("link"))),
    probe("hard-link", Anyone, |scene| fs::hard_link(&scene.file, scene.folder.join("link"))),
    probe("hard-link-of-descriptor", Anyone, |scene| {
        let from =
            std::ffi::CString::new(format!("/proc/self/fd/{}", scene.open.as_raw_fd())).expect("no zero");
        let here = libc::AT_FDCWD as usize;
        let follow = libc::AT_SYMLINK_FOLLOW as usize;
        call(libc::SYS_linkat, [here, at(from.as_c_str()), here, at(c"link"), follow, 0]).map(drop)
    }),
    probe("reopen-descriptor-to-write", Anyone, |scene| {
        let path = format!("/proc/self/fd/{}", scene.open.as_raw_fd());
        OpenOptions::new().write(true).open(path).map(drop)
    }),
    probe("change-mode", Anyone, |scene| fs::set_permissions(&scene.file, fs::Permissions::from_mode(0o777))),
    probe("change-mode-of-descriptor", Anyone, |scene| {
        scene.open.set_permissions(fs::Permissions::from_mode(0o777))
    }),
    probe("change-owner", Root, |scene| chown(&scene.file, Some(1), Some(1))),
    probe("truncate", Anyone, |scene| {
        let path = std::ffi::CString::new(scene.file.to_str().expect("UTF-8")).expect("no zero");
        call(libc::SYS_truncate, [at(path.as_c_str()), 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("make-pipe", Anyone, |_| {
        let mode = (libc::S_IFIFO | 0o600) as usize;
        call(libc::SYS_mknodat, [libc::AT_FDCWD as usize, at(c"pipe"), mode, 0, 0, 0]).map(drop)
    }),
    probe("make-device", Root, |_| {
        let mode = (libc::S_IFCHR | 0o600) as usize;
        let zero = libc::makedev(1, 5) as usize;
        call(libc::SYS_mknodat, [libc::AT_FDCWD as usize, at(c"device"), mode, zero, 0, 0]).map(drop)
    }),
    probe("look-at", Anyone, |_| fs::metadata("/etc/passwd").map(drop)),
    probe("read-link", Anyone, |_| fs::read_link("/proc/self/exe").map(drop)),
    probe("may-read", Anyone, |_| {
        call(libc::SYS_faccessat, [libc::AT_FDCWD as usize, at(c"/etc/passwd"), 4, 0, 0, 0]).map(drop)
    }),
    probe("list-root", Anyone, |_| fs::read_dir("/").map(drop)),
    probe("list-open-folder", Anyone, |scene| {
        let mut room = [0_u8; 4_096];
        let length = room.len();
        let room = std::ptr::from_mut(&mut room) as usize;
        call(libc::SYS_getdents64, [scene.open_folder.as_raw_fd() as usize, room, length, 0, 0, 0]).map(drop)
    }),
    probe("change-folder", Anyone, |_| std::env::set_current_dir("/etc")),
    probe("change-to-open-folder", Anyone, |scene| {
        call(libc::SYS_fchdir, [scene.open_folder.as_raw_fd() as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("watch-folder", Anyone, |_| call(libc::SYS_inotify_init1, [0; 6]).map(drop)),
    probe("watch-everything", Root, |_| call(libc::SYS_fanotify_init, [0; 6]).map(drop)),
    probe("file-by-handle", Root, |scene| {
        // A file_handle: room for the bytes, their kind, the bytes.
        let mut handle = [0_u32; 34];
        handle[0] = 128;
        let mut mount = 0_i32;
        let file = scene.open.as_raw_fd() as usize;
        let (handle, mount) =
            (std::ptr::from_mut(&mut handle) as usize, std::ptr::from_mut(&mut mount) as usize);
        let empty_path = libc::AT_EMPTY_PATH as usize;
        call(libc::SYS_name_to_handle_at, [file, at(c""), handle, mount, empty_path, 0])?;
        let folder = scene.open_folder.as_raw_fd() as usize;
        call(libc::SYS_open_by_handle_at, [folder, handle, 0, 0, 0, 0]).map(drop)
    }),
    probe("open-by-handle", Untried, |_| {
        call(libc::SYS_open_by_handle_at, [libc::AT_FDCWD as usize, at(&[0_u32; 34]), 0, 0, 0, 0]).map(drop)
    }),
];
