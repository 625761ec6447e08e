/* cppcheck.h - loops of libraries whose headers cppcheck does not read; included by it alone (make lint). */
#define json_array_foreach(array, index, value)                                                              \
	for (index = 0; (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value)                                                              \
	for (key = json_object_first(object); key && (value = json_object_get(object, key));                 \
	        key = json_object_after(key))
#define mnl_attr_for_each_nested(attr, nest)                                                                 \
	for (attr = mnl_attr_get_payload(nest); mnl_attr_ok(attr, rest_of(nest, attr));                      \
	        attr = mnl_attr_next(attr))
