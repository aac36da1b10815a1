// What a program needs to make, train and load nets: `import Tapestry`.

@_exported import TapestryDatasets
@_exported import TapestryFiles
@_exported import TapestryGraph
@_exported import TapestryInsight
@_exported import TapestryModels
@_exported import TapestryOps
@_exported import TapestryOptim
@_exported import TapestryPictures
@_exported import TapestryTraining
