#!/bin/sh
# A subscriber in another language: subscribe.sh <URL of Redis> <channel>
cli=$(command -v redis-cli || command -v valkey-cli) || cli=redis-cli
exec "$cli" -u "$1" SUBSCRIBE "$2"
