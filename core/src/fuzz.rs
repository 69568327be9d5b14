//! What the fuzzer in `fuzz/` runs, and the replay of its seeds. Not part of the API.

pub use crate::paginate::fuzz::{cursor, page};
pub use crate::request::fuzz::{error_body, headers, path};

#[cfg(test)]
mod tests {
    use super::*;

    type Target = fn(&[u8]);

    /// Every seed of `fuzz/seeds`, so that what was found once is looked for by every run of the tests.
    #[test]
    fn seeds_hold() {
        let targets: [(&str, Target); 5] = [
            ("cursor", cursor),
            ("error_body", error_body),
            ("headers", headers),
            ("page", page),
            ("path", path),
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        let kept = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(kept, targets.len(), "each folder of {} has its target", folder.display());
        for (name, target) in targets {
            let mut seen = 0;
            for seed in std::fs::read_dir(folder.join(name)).unwrap() {
                target(&std::fs::read(seed.unwrap().path()).unwrap());
                seen += 1;
            }
            assert!(seen > 0, "{name} has no seeds");
        }
    }
}
