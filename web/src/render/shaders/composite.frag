// Put a layer behind what is there already.
uniform highp sampler2D layer;
out vec4 colour;

void main() {
  colour = texelFetch(layer, ivec2(gl_FragCoord.xy), 0);
}
