import TapestryCommands

Convnet.main()
