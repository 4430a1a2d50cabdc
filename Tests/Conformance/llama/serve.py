"""Serves a GGUF with llama.cpp's own server on loopback, until its standard input ends.

Prints its address. Argument: the path of the model.
"""

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = 0
params.n_ctx = 32768
params.n_parallel = 2
params.warmup = False
params.use_jinja = True
params.cache_prompt = False
params.sampling.seed = 7
params.cpuparams.n_threads = 1
server = xllamacpp.Server(params)
print("listening on", server.listening_address, flush=True)
sys.stdin.read()
