import CBuild
import Core

Apus.main(revision: String(cString: build_revision()), epoch: String(cString: build_epoch()))
