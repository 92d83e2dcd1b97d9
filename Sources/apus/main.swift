import Core

Apus.main()
