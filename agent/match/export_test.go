package match

// Fold shows the folding to tests.
var Fold = fold
