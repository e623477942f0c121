//! Bundles as tests read them: those of `tests/incidents`, and those of the folder that
//! `WHY403_BUNDLES` names, where it is set.

use std::path::{Path, PathBuf};

use why403::account::Account;
use why403::account::bundle::BundleAccount;
use why403::account::facts::Depth;
use why403::analysis::{self, Analysis, Directory, Logs};
use why403::logs::function::FunctionIndex;
use why403::logs::origin::OriginIndex;
use why403::logs::tally::AccessTally;
use why403::logs::waf::WafIndex;
use why403::logs::{self, Kind};

/// A bundle, its logs read into memory.
pub struct Bundle {
    pub root: PathBuf,
    pub account: BundleAccount,
    /// The files below `logs/`.
    pub logs: Vec<(String, Vec<u8>)>,
}

impl Bundle {
    pub fn open(root: &Path) -> Self {
        let named = |path: PathBuf| {
            let bytes = std::fs::read(&path).unwrap();
            (path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), bytes)
        };
        let logs = files(&root.join("logs")).into_iter().map(named).collect();
        Self { root: root.to_owned(), account: BundleAccount::open(root), logs }
    }

    pub fn name(&self) -> String {
        self.root.file_name().unwrap().to_string_lossy().into_owned()
    }
}

/// The folders of all bundles.
pub fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents");
    let more = std::env::var_os("WHY403_BUNDLES").map(PathBuf::from);
    let mut all: Vec<PathBuf> = std::iter::once(own)
        .chain(more)
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("logs").is_dir())
        .collect();
    all.sort();
    all
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// What log objects hold, each read by itself and merged in the order given, and the rest that an
/// analysis takes.
pub fn read<'a>(
    account: &dyn Account,
    objects: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> (AccessTally, Logs) {
    let directory = Directory::ask(account);
    let context = &directory.logs;
    let mut tally = AccessTally::default();
    let (mut of_wafs, mut of_origins, mut of_functions) = (vec![], vec![], vec![]);
    for (name, bytes) in objects {
        let mut part = AccessTally::default();
        match logs::read_access(name, bytes, context, &mut part).kind {
            Kind::Waf | Kind::Mixed => of_wafs.push((name, bytes)),
            Kind::Origin => of_origins.push(bytes),
            Kind::Function => of_functions.push(bytes),
            Kind::Access | Kind::Connection | Kind::Empty | Kind::Foreign => {}
        }
        tally.merge(part);
    }
    tally.settle();
    directory.assign(&mut tally.refusals);
    let wanted = analysis::wanted(&tally);
    let mut waf = WafIndex::default();
    for (name, bytes) in of_wafs {
        logs::read_waf(name, bytes, &context.limits, &wanted, &mut waf);
    }
    let mut function = FunctionIndex::default();
    for bytes in of_functions {
        logs::read_function(bytes, &context.limits, &wanted, &mut function);
    }
    let wanted = analysis::wanted_of_origins(&tally, &waf);
    let mut origin = OriginIndex::default();
    for bytes in of_origins {
        logs::read_origin(bytes, &context.limits, &wanted, &mut origin);
    }
    (tally, Logs { waf: waf.into(), origin: origin.into(), function })
}

/// The analysis of what was read, at its deepest.
pub fn analyse<'a>(tally: &'a AccessTally, logs: Logs, account: &dyn Account) -> Analysis<'a> {
    analysis::analyse(tally, logs, account, Depth::Incident)
}

/// Does the same for every bundle, on two threads, and collects what it tells.
pub fn of_each(tell: impl Fn(&Bundle) -> Vec<String> + Sync) -> Vec<String> {
    let folders = folders();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let told = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(folder) =
                    folders.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let mine = tell(&Bundle::open(folder));
                    told.lock().unwrap().extend(mine);
                }
            });
        }
    });
    let mut told = told.into_inner().unwrap();
    told.sort();
    told
}
