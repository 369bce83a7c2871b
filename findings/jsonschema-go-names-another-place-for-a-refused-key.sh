#!/usr/bin/env bash
# github.com/santhosh-tekuri/jsonschema/v6 6.0.3, which Helm 3.21 checks a chart's values.schema.json with, tells of a key
# that `propertyNames` refuses as being at another place than it is: what was checked after it has overwritten the place.
# Helm then says "at '/keda': invalid propertyName" of a key of /settings, and another place in the next run.
# `patternProperties` with `additionalProperties: false` refuses the same keys, and names the place.
#
# Seen:
#   propertyNames at map[/all/a:true /all/b:true /all/c:true /all/d:true /all/e:true /all/f:true /all/g:true /all/h:true]
#   patternProperties at map[/all/a:true]
#
# Exits 0 while that is so, 1 if it is not, 2 if there is no Go that fetches it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
go mod init example.org/places 2>/dev/null || { echo "no go" >&2; exit 2; }
go get github.com/santhosh-tekuri/jsonschema/v6@v6.0.3 2>/dev/null || { echo "not fetched" >&2; exit 2; }
cat > main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func places(of string) map[string]bool {
	found := map[string]bool{}
	for run := 0; run < 200; run++ {
		properties := `"a": ` + of
		values := `"a": {"x y": 1}`
		for _, name := range strings.Split("bcdefgh", "") {
			properties += `, "` + name + `": {"type": "object", "properties": {"z": {"type": "integer"}}}`
			values += `, "` + name + `": {"z": 1}`
		}
		schema, _ := jsonschema.UnmarshalJSON(strings.NewReader(`{"properties": {"all": {"properties": {` + properties + `}}}}`))
		value, _ := jsonschema.UnmarshalJSON(strings.NewReader(`{"all": {` + values + `}}`))
		compiler := jsonschema.NewCompiler()
		compiler.AddResource("s.json", schema)
		failed := compiler.MustCompile("s.json").Validate(value).(*jsonschema.ValidationError)
		for len(failed.Causes) > 0 && len(failed.InstanceLocation) < 2 {
			failed = failed.Causes[0]
		}
		found["/"+strings.Join(failed.InstanceLocation, "/")] = true
	}
	return found
}

func main() {
	names := places(`{"propertyNames": {"pattern": "^[a-z]+$"}}`)
	patterns := places(`{"patternProperties": {"^[a-z]+$": {}}, "additionalProperties": false}`)
	fmt.Println("propertyNames at", names)
	fmt.Println("patternProperties at", patterns)
	if len(patterns) != 1 || !patterns["/all/a"] || (len(names) == 1 && names["/all/a"]) {
		panic("changed")
	}
}
GO
go run . || { echo "this has changed"; exit 1; }
