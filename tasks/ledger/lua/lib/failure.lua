local function failure(code, message)
  return cjson.encode({ message = message, type = 'server_error', param = cjson.null, code = code })
end
