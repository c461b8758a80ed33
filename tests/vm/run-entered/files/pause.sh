# The broken twin has another one.
pause() {
    rootlet pause "$1"
}
