// The Jetstream that tests/real runs. Built in a folder outside of the project.
module real

go 1.24

require github.com/bluesky-social/jetstream v0.0.0-20251009222037-7d7efa58d7f1
