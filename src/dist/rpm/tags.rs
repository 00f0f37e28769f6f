//! Numbers of the format (rpm's `rpmtag.h`, `rpmds.h`, `rpmfi.h`).

pub(super) const HEADERSIGNATURES: u32 = 62;
pub(super) const HEADERIMMUTABLE: u32 = 63;
pub(super) const SIG_SHA256: u32 = 273;
pub(super) const SIG_SIZE: u32 = 1000;
pub(super) const SIG_PAYLOADSIZE: u32 = 1007;

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const SUMMARY: u32 = 1004;
pub(super) const DESCRIPTION: u32 = 1005;
pub(super) const BUILDTIME: u32 = 1006;
pub(super) const BUILDHOST: u32 = 1007;
pub(super) const SIZE: u32 = 1009;
pub(super) const LICENSE: u32 = 1014;
pub(super) const PACKAGER: u32 = 1015;
pub(super) const GROUP: u32 = 1016;
pub(super) const OS: u32 = 1021;
pub(super) const ARCH: u32 = 1022;
pub(super) const POSTIN: u32 = 1024;
pub(super) const PREUN: u32 = 1025;
pub(super) const POSTUN: u32 = 1026;
pub(super) const FILESIZES: u32 = 1028;
pub(super) const FILEMODES: u32 = 1030;
pub(super) const FILERDEVS: u32 = 1033;
pub(super) const FILEMTIMES: u32 = 1034;
pub(super) const FILEDIGESTS: u32 = 1035;
pub(super) const FILELINKTOS: u32 = 1036;
pub(super) const FILEFLAGS: u32 = 1037;
pub(super) const FILEUSERNAME: u32 = 1039;
pub(super) const FILEGROUPNAME: u32 = 1040;
pub(super) const SOURCERPM: u32 = 1044;
pub(super) const FILEVERIFYFLAGS: u32 = 1045;
pub(super) const PROVIDENAME: u32 = 1047;
pub(super) const REQUIREFLAGS: u32 = 1048;
pub(super) const REQUIRENAME: u32 = 1049;
pub(super) const REQUIREVERSION: u32 = 1050;
pub(super) const POSTINPROG: u32 = 1086;
pub(super) const PREUNPROG: u32 = 1087;
pub(super) const POSTUNPROG: u32 = 1088;
pub(super) const FILEDEVICES: u32 = 1095;
pub(super) const FILEINODES: u32 = 1096;
pub(super) const FILELANGS: u32 = 1097;
pub(super) const PROVIDEFLAGS: u32 = 1112;
pub(super) const PROVIDEVERSION: u32 = 1113;
pub(super) const DIRINDEXES: u32 = 1116;
pub(super) const BASENAMES: u32 = 1117;
pub(super) const DIRNAMES: u32 = 1118;
pub(super) const PAYLOADFORMAT: u32 = 1124;
pub(super) const PAYLOADCOMPRESSOR: u32 = 1125;
pub(super) const PAYLOADFLAGS: u32 = 1126;
pub(super) const FILEDIGESTALGO: u32 = 5011;
pub(super) const PAYLOADDIGEST: u32 = 5092;
pub(super) const PAYLOADDIGESTALGO: u32 = 5093;
pub(super) const PAYLOADDIGESTALT: u32 = 5097;

/// The number of SHA-256 (OpenPGP's).
pub(super) const SHA256: u32 = 8;

pub(super) const FILE_CONFIG: u32 = 1;
pub(super) const FILE_DOC: u32 = 1 << 1;
/// An upgrade puts the new one beside a changed one.
pub(super) const FILE_NOREPLACE: u32 = 1 << 4;

pub(super) const EQUAL: u32 = 1 << 3;
pub(super) const AT_LEAST: u32 = EQUAL | 1 << 2;
/// Found by looking at programs.
pub(super) const FIND_REQUIRES: u32 = 1 << 14;
/// Needed by the scripts: post, preun, postun.
pub(super) const SCRIPT: u32 = 1 << 10 | 1 << 11 | 1 << 12;
/// Of rpm itself, at most this version.
pub(super) const RPMLIB: u32 = 1 << 24 | EQUAL | 1 << 1;
