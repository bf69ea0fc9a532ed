#!/bin/sh
# A publisher in another language: publish.sh <URL of Redis> <channel> <JSON>
cli=$(command -v redis-cli || command -v valkey-cli) || cli=redis-cli
exec "$cli" -u "$1" PUBLISH "$2" "$3"
